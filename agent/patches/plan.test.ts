import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { MetadataHints } from "../../functions/agent-api/metadata-hints.ts";
import { unchanged } from "../../functions/domain/poll.ts";
import { SutureError } from "../../protocol/errors.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { buildId, openHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import { awayAt, type TestService } from "../../test/support/agent/service.ts";
import { runRound } from "../round/round.ts";
import { recover } from "./recover.ts";
import { settle } from "./settle.ts";

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

  it("undoes what is recalled although the payload of the patch that it had replaced is damaged, and goes on with the plan", async () => {
    const first = await service.publish("fix", buildId);
    service.actions = [first];
    await round();
    const sha256 = host.agent.patches.get(first.patch)?.verified?.variants[0]?.bundle.payload.sha256 ?? "";
    const second = await service.publish("better", buildId, { supersedes: ["fix@1"] });
    service.actions = [{ do: "undo", patch: first.patch, because: "superseded" }, second];
    await round();
    writeFileSync(join(host.state, "payloads", sha256), "bit rot");
    await service.recall("better@1");
    const other = await service.publish("other", buildId);
    service.actions = [{ do: "undo", patch: second.patch, because: "recall" }, other];
    expect(await round()).toMatchObject({
      results: [
        { patch: second.patch, code: "undone" },
        { patch: other.patch, code: "applied" },
      ],
    });
    expect(host.engine.pidsWith(second.patch)).toEqual([]);
    expect(host.events).toContainEqual(
      expect.objectContaining({
        event: "trouble",
        code: "state-damaged",
        detail: expect.stringContaining(first.patch),
      }),
    );
  });

  it("carries out each action by itself: one that fails keeps no later one from its turn", async () => {
    const bad = await service.publish("bad", buildId);
    const good = await service.publish("good", buildId);
    service.actions = [bad, good];
    await round();
    for (const name of ["bad@1", "good@1"]) await service.recall(name);
    service.actions = [bad, good].map(({ patch }) => ({ do: "undo", patch, because: "recall" }) as const);
    const undo = host.engine.undo.bind(host.engine);
    const damaged = new SutureError("state-damaged", "a record of the engine is damaged");
    host.engine.undo = (id) => (id === bad.patch ? Promise.reject(damaged) : undo(id));
    expect(await round()).toMatchObject({
      results: [
        { patch: bad.patch, code: "failed", detail: "a record of the engine is damaged" },
        { patch: good.patch, code: "undone" },
      ],
    });
    expect(host.engine.pidsWith(good.patch)).toEqual([]);
  });

  it("is undone and quarantined when the target ends again and again within the health window", async () => {
    const apply = await service.publish("fix", buildId, { health: { windowSeconds: 5, checks: [] } });
    service.actions = [apply];
    await round();
    for (const pid of [3, 4, 5]) {
      expect(stateOf(apply.patch)).toBe("applied");
      host.engine.write({ ...host.engine.read(), processes: { [buildId]: [{ pid, patches: [] }] } });
      for (let look = 0; look < 2; look++) await settle(host.agent);
    }
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
    service.intercept = awayAt("/");
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
    service.intercept = awayAt("/");
    host.agent.patches.hold({ patch: apply.patch, at: 1 });
    await settle(host.agent);
    service.intercept = () => undefined;
    expect(await round()).toMatchObject({ results: [{ code: "held" }] });
    expect(service.checkIns.at(-1)?.patches).toMatchObject([{ patch: apply.patch, state: "undone", heldHere: true }]);
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
    expect(service.receipts.at(-1)).toMatchObject({ action: "undo", code: "undone", planSeq: 0 });
  });
});
