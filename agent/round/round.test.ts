import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { unchanged } from "../../functions/domain/poll.ts";
import { SutureError } from "../../protocol/errors.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { buildId, openHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import { awayAt, problem, server, type TestService } from "../../test/support/agent/service.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import type { HttpRequest } from "../system/http.ts";
import { runLoop } from "./loop.ts";
import { runRound } from "./round.ts";

const hour = 3_600_000;
let directory: string;
let service: TestService;
let host: TestHost;

beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });
const reopen = async () => {
  host = await openHost({ directory, clock: host.clock, http: service.http });
};

describe("what a check-in costs beside itself", () => {
  it("is nothing where nothing is new: what the agent lacks comes with the answer, and what it read it keeps", async () => {
    service.actions = [await service.publish("fix", buildId)];
    await round();
    service.actions = [];
    const hints = new MetadataHints(
      (repository, name) => Promise.resolve(service.files.get(`${repository}/${name}`)?.toString()),
      () => host.clock.millis,
    );
    service.hint = ({ metadata, patches }) =>
      hints.lackedBy(metadata, { held: patches.map(({ patch }) => parsePatchId(patch)), wanted: [] }, unchanged);
    const fetched: string[] = [];
    service.intercept = ({ url }) => {
      if (new URL(url).pathname.startsWith("/tuf/")) fetched.push(new URL(url).pathname);
      return undefined;
    };
    await round();
    fetched.length = 0;
    await round();
    expect(fetched).toEqual([]);
    // What is kept is not believed for ever: signed again, it comes with the answer
    host.clock.millis += 8 * hour;
    await service.republishOwn();
    await round();
    await round();
    expect(fetched).toEqual([]);
    expect(service.checkIns.at(-1)?.metadata.service?.timestamp).toBeGreaterThan(
      service.checkIns.at(-3)?.metadata.service?.timestamp ?? 0,
    );
  });
});

describe("an agent that was cut off", () => {
  it("keeps its receipts until the service has them, over restarts, and sends each once", async () => {
    service.actions = [await service.publish("fix", buildId)];
    service.intercept = awayAt("/v1/agent/reports");
    await expect(round()).rejects.toMatchObject({ code: "unreachable" });
    expect(host.agent.outbox.waiting()).toHaveLength(1);
    service.intercept = () => undefined;
    await reopen();
    await round();
    await round();
    expect(service.receipts.map(({ sequence }) => sequence)).toEqual([1]);
  });

  it("never uses a counter twice for two requests, and sends the same bytes again when an answer was lost", async () => {
    const seen: string[] = [];
    service.intercept = (request) => {
      if (!request.url.endsWith("/check-in")) return undefined;
      expect(host.agent.session.read()?.counter).toBe(1);
      seen.push(request.body ?? "");
      throw new SutureError("unreachable", "the answer was lost");
    };
    await expect(round()).rejects.toMatchObject({ code: "unreachable" });
    expect(seen).toHaveLength(2);
    expect(seen[0]).toBe(seen[1]);
    service.intercept = () => undefined;
    await reopen();
    await round();
    expect(service.checkIns.map(({ counter }) => counter)).toEqual([2]);
  });

  it("goes on from the counter, or with the time, that the service expects: once", async () => {
    let refusals = 1;
    service.intercept = (request) =>
      request.url.endsWith("/check-in") && refusals-- > 0 ? problem("counter-behind", { expected: 41 }) : undefined;
    expect(await round()).toMatchObject({ seq: 41 });
    refusals = 1;
    const serverTime = Math.floor(host.clock.millis / 1000) + 7200;
    service.intercept = (request) =>
      request.url.endsWith("/check-in") && refusals-- > 0 ? problem("clock-skew", { serverTime }) : undefined;
    await round();
    expect(service.checkIns.at(-1)).toMatchObject({ counter: 42, iat: serverTime });
  });

  it.each([10, 400])("heals by itself within minutes of a service whose clock was %i days ahead", async (days) => {
    const served = await servedHost();
    ({ directory, service, host } = served);
    const skewed = (request: HttpRequest) => {
      const serverTime = Math.floor((host.clock.millis + served.ahead.millis) / 1000);
      const isFirst = request.url.endsWith("/check-in") && served.ahead.millis > 0 && asked++ % 2 === 0;
      return isFirst ? problem("clock-skew", { serverTime }) : undefined;
    };
    let asked = 0;
    service.intercept = skewed;
    await round();
    served.ahead.millis = days * 24 * hour;
    // after a year the root has expired, and its owner's signature is wanted: nothing is believed then, and nothing locked
    if (days > 365) await expect(round()).rejects.toMatchObject({ code: "metadata-expired" });
    else {
      await service.republishOwn();
      await round();
      await round();
    }
    served.ahead.millis = 0;
    await service.republishOwn();
    host.clock.millis += 60_000;
    service.actions = [await service.publish("fix", buildId)];
    expect(await runRound(host.agent, { force: true })).toMatchObject({ results: [{ code: "applied" }] });
    const { plan, verifiedAt } = host.agent.session.read() ?? {};
    const now = host.clock.millis / 1000;
    expect(verifiedAt).toBeLessThanOrEqual(now + 86_400);
    expect(plan?.checkInBy).toBeLessThanOrEqual(now + 2 * 86_400);
  });

  it("checks in at once where its last plan is from the future, as an earlier release kept it", async () => {
    await round();
    const session = host.agent.session.read();
    if (session?.plan == null) throw new Error("no plan");
    const later = Math.floor(host.clock.millis / 1000) + 400 * 86_400;
    host.agent.session.write({
      ...session,
      floor: later,
      hasBoundedFloor: false,
      verifiedAt: later,
      plan: { ...session.plan, checkInBy: later },
    });
    service.actions = [await service.publish("fix", buildId)];
    expect(await runRound(host.agent, { force: false })).toMatchObject({ results: [{ code: "applied" }] });
  });

  it("asks for a plan again that it could not carry out", async () => {
    service.actions = [await service.publish("fix", buildId)];
    service.intercept = awayAt("/bundles");
    await expect(round()).rejects.toMatchObject({ code: "unreachable" });
    service.intercept = () => undefined;
    expect(await runRound(host.agent, { force: false })).toMatchObject({ results: [{ code: "applied" }] });
  });

  it("is stale after 30 hours of polls that say nothing new, keeps what is applied, and recovers by itself", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    service.intercept = (request) => {
      const away = host.clock.millis - start > hour && host.clock.millis - start < 40 * hour;
      return away && request.url.endsWith("/check-in") ? problem("unavailable") : undefined;
    };
    const start = host.clock.millis;
    const stop = new AbortController();
    const { agent } = host;
    agent.clock.sleep = async (millis) => {
      host.clock.millis += millis;
      if (host.clock.millis - start > 48 * hour) stop.abort();
    };
    await runLoop(agent, { signal: stop.signal, wake: () => new AbortController().signal });
    expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2]);
    const staleAt = host.events.findIndex(({ event }) => event === "stale");
    expect(staleAt).toBeGreaterThan(0);
    expect(host.events.slice(staleAt).some(({ event }) => event === "plan")).toBe(true);
    expect(host.events.filter(({ event }) => event === "trouble").length).toBeGreaterThan(10);
  });

  it("does not apply what could not be verified when it was installed: changed payloads are never used again", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    const record = host.agent.patches.get(apply.patch);
    const sha256 = record?.verified?.variants[0]?.bundle.payload.sha256 ?? "";
    writeFileSync(join(host.state, "payloads", sha256), "something else");
    host.engine.write({ processes: { [buildId]: [{ pid: 9, patches: [] }] }, staged: [] });
    await recover(host.agent);
    await settle(host.agent);
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
    expect(host.events.at(-1)).toMatchObject({ event: "incomplete", patch: apply.patch });
  });
});

describe("where the agents' API is", () => {
  it("is what the last plan says, until three rounds in a row have failed there; then the service's own name, which cannot be lost", async () => {
    const directed = "https://function.suture.test";
    const asked: string[] = [];
    service.bendPlan = (plan) => ({ ...plan, agentUrl: directed });
    let isGone = false;
    service.intercept = ({ url }) => {
      const { origin, pathname } = new URL(url);
      if (pathname.startsWith("/v1/agent/")) asked.push(origin);
      if (isGone && origin === directed) throw new SutureError("unreachable", "no such host");
      return undefined;
    };
    await round();
    expect(asked).toEqual([server]);
    await runRound(host.agent, { force: false });
    expect(asked).toEqual([server, directed]);

    isGone = true;
    for (let failure = 0; failure < 3; failure++) {
      await expect(runRound(host.agent, { force: false })).rejects.toMatchObject({ code: "unreachable" });
    }
    asked.length = 0;
    await reopen();
    await runRound(host.agent, { force: false });
    await runRound(host.agent, { force: false });
    expect(asked).toEqual([server, server]);
  });
});
