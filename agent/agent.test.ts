import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MetadataHints } from "../functions/agent-api/metadata-hints.ts";
import { unchanged } from "../functions/domain/poll.ts";
import { SutureError } from "../protocol/errors.ts";
import { parsePatchId } from "../protocol/wire/names.ts";
import { buildId, newHost, openHost, servedHost, type TestHost } from "../test/support/agent/host.ts";
import { problem, server, type TestService } from "../test/support/agent/service.ts";
import { runLoop } from "./loop.ts";
import { recover } from "./recover.ts";
import { runRound } from "./round.ts";
import { settle } from "./settle.ts";
import type { HttpRequest } from "./system/http.ts";

const hour = 3_600_000;
let directory: string;
let service: TestService;
let host: TestHost;

beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });
const stateOf = (patch: string) => host.agent.patches.get(patch)?.state;
const reopen = async () => {
  host = await openHost({ directory, clock: host.clock, http: service.http });
};
const fails =
  (pathname: string, code: "unreachable" | "unavailable" = "unreachable") =>
  (request: HttpRequest) => {
    if (new URL(request.url).pathname.startsWith(pathname)) throw new SutureError(code, "away");
    return undefined;
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

describe("a plan that is carried out", () => {
  it("fetches no file that came with the plan, and fetches one that came damaged", async () => {
    const fetched: string[] = [];
    service.intercept = ({ url }) => {
      if (new URL(url).pathname.startsWith("/tuf/acme/targets/")) fetched.push(new URL(url).pathname);
      return undefined;
    };
    const read = (repository: string, name: string) =>
      Promise.resolve(service.files.get(`${repository}/${name}`)?.toString());
    const hintsOf = (readPublic: typeof read) => {
      const hints = new MetadataHints(readPublic, () => host.clock.millis);
      const wanted = service.actions.map(({ patch }) => ({ ...parsePatchId(patch), isNew: true }));
      service.hint = ({ metadata }) => hints.lackedBy(metadata, { held: [], wanted }, unchanged);
    };
    const whole = await service.publish("fix", buildId);
    service.actions = [whole];
    hintsOf(read);
    expect(await round()).toMatchObject({ results: [{ patch: whole.patch, code: "applied" }] });
    expect(fetched).toEqual([]);

    const damaged = await service.publish("fix", buildId, { version: 2 });
    service.actions = [damaged];
    hintsOf(async (repository, name) => {
      const text = await read(repository, name);
      return name.includes("fix@2") ? text?.replace("fix", "fux") : text;
    });
    expect(await round()).toMatchObject({ results: [{ patch: damaged.patch, code: "applied" }] });
    expect(fetched).toHaveLength(1);
  });

  it("applies what TUF and the plan agree on, and its signed receipt reaches the service", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    expect(await round()).toMatchObject({ results: [{ patch: apply.patch, code: "applied" }] });
    expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2]);
    expect(service.receipts).toMatchObject([
      { patch: apply.patch, action: "apply", code: "applied", sequence: 1, planSeq: 1 },
    ]);
    expect(host.agent.outbox.waiting()).toEqual([]);
    expect(statSync(host.state).mode & 0o777).toBe(0o700);
    expect(statSync(join(host.state, "key.json")).mode & 0o777).toBe(0o600);
  });

  it("puts the replacement in the place of what it supersedes, and puts the old one back where it does not take", async () => {
    const old = await service.publish("fix", buildId);
    service.actions = [old];
    await round();
    const bad = await service.publish("fix", buildId, { version: 2, payload: "blocked" });
    service.actions = [{ do: "undo", patch: old.patch, because: "superseded" }, bad];
    await round();
    expect(host.engine.pidsWith(old.patch)).toEqual([1, 2]);
    expect([stateOf(old.patch), stateOf(bad.patch)]).toEqual(["applied", "blocked"]);

    const good = await service.publish("fix", buildId, { version: 3 });
    service.actions = [{ do: "undo", patch: old.patch, because: "superseded" }, good];
    await round();
    expect(host.engine.pidsWith(old.patch)).toEqual([]);
    expect([stateOf(old.patch), stateOf(good.patch)]).toEqual(["undone", "applied"]);
  });

  it("undoes a replacement by giving what it replaced its place back", async () => {
    const [old, next] = [await service.publish("fix", buildId), await service.publish("fix", buildId, { version: 2 })];
    service.actions = [old];
    await round();
    service.actions = [{ do: "undo", patch: old.patch, because: "superseded" }, next];
    await round();
    await service.recall("fix@2");
    service.actions = [{ do: "undo", patch: next.patch, because: "recall" }];
    await round();
    expect([stateOf(old.patch), stateOf(next.patch)]).toEqual(["applied", "undone"]);
    expect(host.engine.pidsWith(old.patch)).toEqual([1, 2]);
    expect(host.engine.pidsWith(next.patch)).toEqual([]);
  });

  it("takes out what was replaced where the agent was killed before it came to that", async () => {
    const [old, next] = [await service.publish("fix", buildId), await service.publish("fix", buildId, { version: 2 })];
    service.actions = [old];
    await round();
    const before = host.agent.patches.get(old.patch) ?? expect.fail("it is in");
    service.actions = [{ do: "undo", patch: old.patch, because: "superseded" }, next];
    await round();
    host.agent.patches.put(before);
    await reopen();
    await recover(host.agent);
    expect([stateOf(old.patch), stateOf(next.patch)]).toEqual(["undone", "applied"]);
  });

  it("undoes what a signed recall names", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    await service.recall("fix@1");
    service.actions = [{ do: "undo", patch: apply.patch, because: "recall" }];
    await round();
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
    expect(service.receipts.at(-1)).toMatchObject({ action: "undo", code: "undone" });
  });

  it("is undone and quarantined when the target ends within the health window", async () => {
    const apply = await service.publish("fix", buildId, { health: { windowSeconds: 5, checks: [] } });
    service.actions = [apply];
    await round();
    host.engine.write({ ...host.engine.read(), processes: { [buildId]: [{ pid: 3, patches: [] }] } });
    await settle(host.agent);
    expect(stateOf(apply.patch)).toBe("quarantined");
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });

  it("stays in, and goes into a new process, when the agent comes back and its targets were restarted meanwhile", async () => {
    const apply = await service.publish("fix", buildId, { health: { windowSeconds: 5, checks: [] } });
    service.actions = [apply];
    await round();
    host.engine.write({ ...host.engine.read(), processes: { [buildId]: [{ pid: 3, patches: [] }] } });
    await reopen();
    await recover(host.agent);
    await settle(host.agent);
    expect(stateOf(apply.patch)).toBe("applied");
    expect(host.engine.pidsWith(apply.patch)).toEqual([3]);
  });

  it("is kept in processes that start later, without the network", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    service.intercept = fails("/");
    await reopen();
    const { processes, staged } = host.engine.read();
    host.engine.write({ processes: { [buildId]: [...(processes[buildId] ?? []), { pid: 9, patches: [] }] }, staged });
    await settle(host.agent);
    expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2, 9]);
  });

  it("stays undone where an administrator undid it without the network, whatever later plans say", async () => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    service.intercept = fails("/");
    host.agent.patches.hold({ patch: apply.patch, at: 1 });
    await settle(host.agent);
    service.intercept = () => undefined;
    expect(await round()).toMatchObject({ results: [{ code: "held" }] });
    expect(service.checkIns.at(-1)?.patches).toMatchObject([{ patch: apply.patch, state: "undone", heldHere: true }]);
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
    expect(service.receipts.at(-1)).toMatchObject({ action: "undo", code: "undone", planSeq: 0 });
  });
});

describe("what is refused, with nothing applied", () => {
  const refused = async (attack: (apply: Awaited<ReturnType<TestService["publish"]>>) => unknown, code: string) => {
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    const before = host.engine.read();
    await attack(apply);
    await round();
    expect(host.events.find((event) => event.event === "refused")).toMatchObject({ patch: apply.patch, code });
    expect(host.engine.read()).toEqual(before);
    return service.receipts;
  };

  it("a tampered bundle, and the service is told why", async () => {
    const receipts = await refused(() => {
      for (const bytes of service.bundles.values()) bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    }, "bundle-mismatch");
    expect(receipts).toMatchObject([{ code: "failed", evidence: { refused: "bundle-mismatch" } }]);
  });

  it("a bundle that goes on and on", async () => {
    await refused(() => {
      for (const key of service.bundles.keys()) service.bundles.set(key, Buffer.alloc(1_000_000));
    }, "bundle-mismatch");
  });

  it("a plan whose manifest is not the one that the vendor's metadata names", async () => {
    await refused((apply) => {
      service.actions = [{ ...apply, manifest: "0".repeat(64) }];
    }, "untrusted-metadata");
  });

  it("a role that no snapshot names", async () => {
    await refused(() => service.republish(["echod.stable"]), "untrusted-metadata");
  });

  it("a snapshot without its role", async () => {
    await refused(() => service.files.delete("acme/1.echod.stable.json"), "untrusted-metadata");
  });

  it("a patch for another build", async () => {
    const other = await service.publish("fix", "ffff0000");
    service.actions = [other];
    await round();
    expect(service.receipts).toMatchObject([{ code: "not-applicable" }]);
    expect(host.engine.pidsWith(other.patch)).toEqual([]);
  });

  it("a vendor's metadata that goes back, although it was all right once", async () => {
    const apply = await service.publish("fix", buildId);
    const old = service.files.get("acme/timestamp.json") ?? Buffer.alloc(0);
    const next = await service.publish("other", buildId);
    service.actions = [next];
    await round();
    service.files.set("acme/timestamp.json", old);
    service.actions = [apply];
    await round();
    expect(host.events.find((event) => event.event === "refused")).toMatchObject({ code: "rollback-detected" });
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });

  it("a plan for another machine, an answer to an earlier check-in, and one that has expired", async () => {
    service.actions = [await service.publish("fix", buildId)];
    const before = host.engine.read();
    service.bendPlan = (plan) => ({ ...plan, machine: `m-${"0".repeat(32)}` });
    await expect(round()).rejects.toMatchObject({ code: "wrong-machine" });
    service.bendPlan = (plan) => ({ ...plan, seq: plan.seq - 1 });
    await expect(round()).rejects.toMatchObject({ code: "plan-invalid" });
    service.bendPlan = (plan) => ({ ...plan, exp: plan.iat });
    await expect(round()).rejects.toMatchObject({ code: "plan-invalid" });
    expect(host.engine.read()).toEqual(before);
  });

  it("an undo that no recall, no replacement and no policy covers", async () => {
    const apply = await service.publish("fix", buildId);
    const other = await service.publish("other", buildId);
    service.actions = [apply, other];
    await round();
    service.actions = [
      { do: "undo", patch: apply.patch, because: "recall" },
      { do: "undo", patch: other.patch, because: "superseded" },
    ];
    expect(await round()).toMatchObject({ results: [{ code: "refused" }, { code: "refused" }] });
    expect(host.engine.pidsWith(apply.patch)).toEqual([1, 2]);

    service.actions = [apply, other].map(({ patch }) => ({ do: "undo", patch, because: "policy" }));
    expect(await round()).toMatchObject({ results: [{ code: "undone" }, { code: "refused" }] });
    expect(host.engine.pidsWith(other.patch)).toEqual([1, 2]);
  });

  it("a server that does not hold the root that the token pins", async () => {
    service.token = service.token.replace(/[0-9a-f]{64}$/, "0".repeat(64));
    const elsewhere = mkdtempSync(join(directory, "other-"));
    await expect(newHost(service, { directory: elsewhere, clock: host.clock })).rejects.toMatchObject({
      code: "untrusted-metadata",
    });
  });
});

describe("an agent that was cut off", () => {
  it("keeps its receipts until the service has them, over restarts, and sends each once", async () => {
    service.actions = [await service.publish("fix", buildId)];
    service.intercept = fails("/v1/agent/reports");
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

  it("asks for a plan again that it could not carry out", async () => {
    service.actions = [await service.publish("fix", buildId)];
    service.intercept = fails("/bundles");
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
