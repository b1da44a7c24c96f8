import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { fakeKernel } from "../../test/support/klp/fake-kernel.ts";
import { klpPatch } from "../../test/support/klp/patch.ts";
import type { Agent } from "../agent.ts";
import { createKlpEngine } from "../engines/klp/engine.ts";
import { install } from "../patches/apply.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { isWatching } from "../patches/watch.ts";
import { runRound } from "../round/round.ts";
import type { PatchRecord } from "../state/patches.ts";
import type { ProcessEnd, Processes } from "./ends.ts";
import type { UnitState, Units } from "./units.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ended.length = 0;
  unit = undefined;
  const processes: Processes = { remember: () => {}, endsOf: () => ended };
  const units: Units = {
    unitOf: () => (unit === undefined ? undefined : "shopd.service"),
    stateOf: async () => unit,
    isHostStopping: async () => false,
  };
  ({ directory, service, host } = await servedHost({ processes, units }));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A check of the host's own: well as long as there is a file. */
function ownCheck(name: string, windowSeconds = 30): string {
  const [folder, mark] = [join(directory, "health.d"), join(directory, `${name}-is-well`)];
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(mark, "");
  const check = { kind: "command", command: ["/usr/bin/test", "-e", mark], timeoutSeconds: 60, windowSeconds };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(check));
  chmodSync(join(folder, `${name}.json`), 0o644);
  return mark;
}
const ended: ProcessEnd[] = [];
/** What systemd says of the service that the patched processes belong to; undefined where there is no systemd. */
let unit: UnitState | undefined;
const round = () => runRound(host.agent, { force: true });
const record = (patch: string) => host.agent.patches.get(patch);

describe("the processes of a patch", () => {
  it("undo and quarantine it when one of them crashes within the window, though others live on with it", async () => {
    ownCheck("web"); // all is well with it, and it opens the window
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    await settle(host.agent);
    expect(record(apply.patch)).toMatchObject({ state: "applied" });
    ended.push({ pid: 3, name: "shopd", at: 0, how: { signal: 11 } });
    await settle(host.agent);
    const detail = expect.stringContaining("shopd (3) ended with SIGSEGV within the window");
    expect(record(apply.patch)).toMatchObject({ state: "quarantined", detail });
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });
});

describe("a patched service that ends within the window", () => {
  const [asked, failed, killed, unknown] = [{ signal: 15 }, { status: 1 }, { signal: 9 }, null];
  /** Ends the service's processes, and starts others in their place; the agent looks twice. */
  const replaced = async (how: ProcessEnd["how"], ...pids: number[]) => {
    const processes = host.engine.read().processes[buildId] ?? [];
    ended.push(...processes.map(({ pid }) => ({ pid, name: "echod", at: 0, how })));
    host.engine.write({ processes: { [buildId]: pids.map((pid) => ({ pid, patches: [] })) }, staged: [] });
    await seconds(2);
  };
  const seconds = async (count: number) => {
    for (let second = 0; second < count; second++) {
      host.clock.millis += 1000;
      await settle(host.agent);
    }
  };
  const applied = async () => {
    const apply = await service.publish("fix", buildId, { health: { windowSeconds: 30, checks: [] } });
    service.actions = [apply];
    await round();
    return apply.patch;
  };

  it("because somebody asked for it, and is restarted, has not failed: the new process is patched and watched on", async () => {
    const patch = await applied();
    await replaced(asked, 11);
    expect(record(patch)).toMatchObject({ state: "applied", watched: ["echod (11)"] });
    expect(host.engine.pidsWith(patch)).toEqual([11]);
    // For a whole window of its own
    await seconds(25);
    expect(isWatching(host.agent)).toBe(true);
    await seconds(10);
    expect([isWatching(host.agent), record(patch)?.state]).toEqual([false, "applied"]);
  });

  it("and whose new process crashes has", async () => {
    const patch = await applied();
    await replaced(asked, 11);
    ended.push({ pid: 11, name: "echod", at: 0, how: { signal: 11 } });
    await settle(host.agent);
    const detail = expect.stringContaining("echod (11) ended with SIGSEGV");
    expect(record(patch)).toMatchObject({ state: "quarantined", detail });
  });

  it("with an exit status that means failure has failed, unless systemd says that somebody restarted it", async () => {
    const patch = await applied();
    await replaced(failed, 11);
    const detail = expect.stringContaining("echod (1) ended with exit status 1 within the window");
    expect(record(patch)).toMatchObject({ state: "quarantined", detail });

    ended.length = 0;
    unit = { active: "active", result: "success", restarts: 0 };
    const apply = await service.publish("other", buildId, { health: { windowSeconds: 30, checks: [] } });
    service.actions = [apply];
    await round();
    await replaced(failed, 12);
    expect(record(apply.patch)).toMatchObject({ state: "applied", watched: ["echod (12)"] });
  });

  it("and that systemd had to restart has failed, whoever ended it", async () => {
    unit = { active: "active", result: "success", restarts: 2 };
    const patch = await applied();
    unit = { active: "active", result: "success", restarts: 3 };
    await replaced(killed, 11);
    const detail = expect.stringContaining("shopd.service failed within the window (restarted by systemd)");
    expect(record(patch)).toMatchObject({ state: "quarantined", detail });
  });

  it("for a reason that nobody tells may be restarted twice, and not again and again", async () => {
    const patch = await applied();
    await replaced(unknown, 11);
    await replaced(unknown, 12);
    expect(record(patch)).toMatchObject({ state: "applied", watched: ["echod (12)"] });
    await replaced(unknown, 13);
    expect(record(patch)).toMatchObject({ state: "quarantined", detail: expect.stringContaining("nobody tells why") });
  });

  it("and stays down is stopped where somebody asked for it, and has failed where nobody tells why", async () => {
    const web = ownCheck("web");
    const patch = await applied();
    rmSync(web);
    await replaced(asked);
    await seconds(35);
    expect([isWatching(host.agent), record(patch)?.state]).toEqual([false, "applied"]);

    writeFileSync(web, "");
    host.engine.write({ processes: { [buildId]: [{ pid: 21, patches: [] }] }, staged: [] });
    const other = await service.publish("other", buildId, { health: { windowSeconds: 30, checks: [] } });
    service.actions = [other];
    await round();
    await replaced(unknown);
    expect(record(other.patch)).toMatchObject({ state: "applied" });
    await seconds(35);
    expect(record(other.patch)).toMatchObject({ state: "quarantined" });
  });

  it("may fail its checks until it is up again, and not for good", async () => {
    const web = ownCheck("web");
    const patch = await applied();
    rmSync(web);
    await replaced(asked, 11);
    expect(record(patch)).toMatchObject({ state: "applied" });
    writeFileSync(web, "");
    await seconds(1);
    rmSync(web);
    await seconds(1);
    const detail = expect.stringContaining("own check web fails");
    expect(record(patch)).toMatchObject({ state: "quarantined", detail });

    writeFileSync(web, "");
    const other = await service.publish("other", buildId, { health: { windowSeconds: 30, checks: [] } });
    service.actions = [other];
    await round();
    rmSync(web);
    await replaced(asked, 12);
    await seconds(20);
    expect(record(other.patch)).toMatchObject({ state: "applied" });
    await seconds(20);
    expect(record(other.patch)).toMatchObject({ state: "quarantined", detail });
  });
});

describe("the host's own checks", () => {
  it("keep a patch out where one fails already, with the check's name, once; and let it in when all is well", async () => {
    const web = ownCheck("web");
    rmSync(web);
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    await round();
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
    expect(service.receipts).toMatchObject([
      {
        code: "blocked",
        detail: expect.stringMatching(/own check web fails already/),
        evidence: { refused: "unhealthy" },
      },
    ]);
    writeFileSync(web, "");
    await round();
    expect(record(apply.patch)).toMatchObject({ state: "applied" });
  });

  it("keep every patch out while one of their files is not to be trusted", async () => {
    ownCheck("web");
    chmodSync(join(directory, "health.d/web.json"), 0o666);
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    expect(record(apply.patch)).toMatchObject({ state: "blocked", detail: expect.stringContaining("web.json") });
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });

  it("do not cost a host the patch that it has: what would replace it stays away, and the old one in", async () => {
    const old = await service.publish("fix", buildId);
    service.actions = [old];
    await round();
    rmSync(ownCheck("web"));
    const next = await service.publish("fix", buildId, { version: 2 });
    service.actions = [{ do: "undo", patch: old.patch, because: "superseded" }, next];
    await round();
    expect([record(old.patch)?.state, record(next.patch)?.state]).toEqual(["applied", "blocked"]);
    expect(service.receipts.filter(({ action }) => action === "undo")).toEqual([]);
  });

  it("are asked for their own window, and the first that fails within it undoes the patch and is named", async () => {
    const web = ownCheck("web", 60);
    const apply = await service.publish("fix", buildId, { health: { windowSeconds: 5, checks: [] } });
    service.actions = [apply];
    await round();
    host.clock.millis += 50_000;
    await settle(host.agent);
    expect(record(apply.patch)).toMatchObject({ state: "applied" });
    rmSync(web);
    await settle(host.agent);
    expect(record(apply.patch)).toMatchObject({
      state: "quarantined",
      detail: expect.stringMatching(/Unhealthy, the host's own check web fails: .*exited with 1/),
    });
    expect(host.engine.pidsWith(apply.patch)).toEqual([]);
  });

  it("ask nothing more once the window is over", async () => {
    const web = ownCheck("web", 10);
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    await round();
    host.clock.millis += 11_000;
    await settle(host.agent);
    rmSync(web);
    await settle(host.agent);
    expect(record(apply.patch)).toMatchObject({ state: "applied", watchUntil: null });
  });
});

describe("no plan", () => {
  it("can bring a check: one that does is refused whole", async () => {
    const mark = join(directory, "mark");
    const apply = await service.publish("fix", buildId);
    service.actions = [apply];
    const checks = [{ kind: "command", command: ["/usr/bin/touch", mark], timeoutSeconds: 60 }];
    service.bendPlan = (plan) => Object.assign(plan, { health: { windowSeconds: 5, checks } });
    await expect(round()).rejects.toMatchObject({ code: "plan-invalid" });
    expect([existsSync(mark), host.engine.pidsWith(apply.patch)]).toEqual([false, []]);
  });
});

describe("a patch's own checks", () => {
  it("may run a program that its vendor signed", async () => {
    const mark = join(directory, "mark");
    const checks = [{ kind: "command" as const, command: ["/usr/bin/touch", mark], timeoutSeconds: 60 }];
    const well = await service.publish("fix", buildId, { health: { windowSeconds: 5, checks } });
    const bad = await service.publish("other", buildId, {
      health: { windowSeconds: 5, checks: [{ kind: "command", command: ["/usr/bin/false"], timeoutSeconds: 60 }] },
    });
    service.actions = [well, bad];
    await round();
    await settle(host.agent);
    expect(existsSync(mark)).toBe(true);
    expect([record(well.patch)?.state, record(bad.patch)]).toMatchObject([
      "applied",
      { state: "quarantined", detail: expect.stringContaining("command /usr/bin/false fails") },
    ]);
  });
});

describe("in the kernel", () => {
  const patch = klpPatch("acme/linux/stable/fix@1", { module: "acme_fix" });
  const applied = (): PatchRecord => ({
    patch: patch.id,
    manifest: "00".repeat(32),
    state: "applied",
    since: 1,
    detail: "",
    planSeq: 1,
    verified: {
      at: 1,
      title: "A fix",
      variants: [patch.variant],
      health: { windowSeconds: 0, checks: [] },
    },
    watchUntil: null,
    undoAs: null,
  });
  const booted = (bootId: string) => {
    const fake = fakeKernel(host.agent.clock, {});
    const options = { kernel: fake.kernel, clock: host.agent.clock, bootId, directory: join(directory, "klp") };
    const agent: Agent = {
      ...host.agent,
      host: { ...host.agent.host, bootId },
      engines: new Map([["klp", createKlpEngine(options)]]),
    };
    return { agent, fake };
  };

  it("a check that fails within the window takes the module out", async () => {
    const web = ownCheck("web");
    const { agent, fake } = booted("boot-1");
    await install(agent, applied(), [patch]);
    expect(fake.isPatchedBy("acme_fix")).toBe(true);
    rmSync(web);
    await settle(agent);
    expect(record(patch.id)).toMatchObject({ state: "quarantined", detail: expect.stringContaining("own check web") });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
  });

  it("after a reboot a check counts from its first success on: what it asks may start later than the patch", async () => {
    const web = ownCheck("web");
    const first = booted("boot-1");
    await install(first.agent, applied(), [patch]);
    while (isWatching(first.agent)) {
      await first.agent.clock.sleep(1_000);
      await settle(first.agent);
    }
    rmSync(web);
    const { agent, fake } = booted("boot-2");
    await recover(agent);
    await settle(agent);
    expect(record(patch.id)).toMatchObject({ state: "applied", seenWell: [] });
    writeFileSync(web, "");
    await settle(agent);
    rmSync(web);
    await settle(agent);
    expect(record(patch.id)).toMatchObject({ state: "quarantined" });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
  });
});
