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
import { isWatching, settle } from "../patches/settle.ts";
import { runRound } from "../round/round.ts";
import type { PatchRecord } from "../state/patches.ts";
import type { ProcessEnd, Processes } from "./ends.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ended.length = 0;
  const processes: Processes = { remember: () => {}, endsOf: () => ended };
  ({ directory, service, host } = await servedHost({ processes }));
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
