import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { servedHost, type TestHost } from "../../test/support/agent/host.ts";
import { type Behaviour, fakeKernel } from "../../test/support/klp/fake-kernel.ts";
import { klpPatch } from "../../test/support/klp/patch.ts";
import type { Agent } from "../agent.ts";
import type { KlpPatch } from "../engines/engine.ts";
import { createKlpEngine } from "../engines/klp/engine.ts";
import type { PatchRecord } from "../state/patches.ts";
import { install } from "./apply.ts";
import { formerOf } from "./former.ts";
import { recover } from "./recover.ts";
import { settle } from "./settle.ts";
import { retireFormer, undoPatch } from "./undo.ts";
import { isWatching } from "./watch.ts";

let directory: string;
let host: TestHost;
beforeEach(async () => {
  ({ directory, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The same host after a boot: another boot id, and a kernel that remembers nothing. */
function booted(bootId: string, behaviours: Readonly<Record<string, Behaviour>> = {}) {
  const fake = fakeKernel(host.agent.clock, behaviours);
  const options = { kernel: fake.kernel, clock: host.agent.clock, bootId, directory: join(directory, "klp") };
  const engine = createKlpEngine(options);
  const agent: Agent = { ...host.agent, host: { ...host.agent.host, bootId }, engines: new Map([["klp", engine]]) };
  return { agent, fake };
}

const fix = (module: string, replace = false) =>
  klpPatch(`acme/linux/stable/${module.replaceAll("_", "-")}@1`, { module, replace });

function recordOf(patch: KlpPatch, windowSeconds = 30): PatchRecord {
  const verified = {
    at: 1,
    title: "A fix",
    variants: [patch.variant],
    health: { windowSeconds, checks: [] },
  };
  return {
    patch: patch.id,
    manifest: "00".repeat(32),
    state: "applied",
    since: 1,
    detail: "",
    planSeq: 1,
    verified,
    watchUntil: null,
    undoAs: null,
  };
}
async function pastItsWindow(agent: Agent): Promise<void> {
  while (isWatching(agent)) {
    await agent.clock.sleep(1000);
    await settle(agent);
  }
}
const stateOf = (patch: KlpPatch) => host.agent.patches.get(patch.id)?.state;

describe("after a reboot", () => {
  it("the kernel's patches are back, in the order in which they were applied; what was held or recalled is not", async () => {
    const patches = [fix("acme_b"), fix("acme_a"), fix("acme_held"), fix("acme_recalled")];
    const first = booted("boot-1");
    for (const patch of patches) await install(first.agent, recordOf(patch), [patch]);
    await pastItsWindow(first.agent);
    first.agent.patches.hold({ patch: "acme/linux/stable/acme-held@1", at: 1 });
    first.agent.patches.addRecalled(["acme/linux/stable/acme-recalled@1"]);

    const second = booted("boot-2");
    await recover(second.agent);
    expect(second.fake.kernel.list("/sys/kernel/livepatch")).toEqual(["acme_b", "acme_a"]);
    expect(patches.map(stateOf)).toEqual(["applied", "applied", "undone", "undone"]);
  });

  it("a patch that was within its health window is quarantined, and nothing of it is loaded", async () => {
    const patch = fix("acme_fix");
    await install(booted("boot-1").agent, recordOf(patch), [patch]);
    const { agent, fake } = booted("boot-2");
    await recover(agent);
    expect(stateOf(patch)).toBe("quarantined");
    expect(fake.kernel.list("/sys/kernel/livepatch")).toEqual([]);
    await settle(agent);
    expect(fake.kernel.list("/sys/kernel/livepatch")).toEqual([]);
  });

  it("that somebody wanted, a patch within its health window is applied again, and watched", async () => {
    const patch = fix("acme_fix");
    const first = booted("boot-1");
    await recover(first.agent);
    await install(first.agent, recordOf(patch), [patch]);
    host.clock.millis += 1000;
    const shutdown = Math.floor(host.clock.millis / 1000);
    const { agent, fake } = booted("boot-2");
    const traces = () => ({ shutdowns: [shutdown], crashDumps: [] });
    await recover({ ...agent, signs: { ...agent.signs, traces } });
    expect([stateOf(patch), fake.isPatchedBy("acme_fix"), isWatching(agent)]).toEqual(["applied", true, true]);
  });

  it("a patch that was being applied is quarantined; a boot later it still is", async () => {
    const patch = fix("acme_fix");
    const { agent } = booted("boot-1");
    agent.journal.write({
      action: "apply",
      step: "apply",
      record: { ...recordOf(patch), boot: { id: "boot-1", order: 1 } },
    });
    for (const boot of ["boot-2", "boot-3"]) {
      const next = booted(boot);
      await recover(next.agent);
      expect(stateOf(patch)).toBe("quarantined");
      expect(next.fake.kernel.list("/sys/kernel/livepatch")).toEqual([]);
    }
  });

  it("another kernel does not get the patch, and the one that it is for gets it again", async () => {
    const patch = fix("acme_fix");
    const first = booted("boot-1");
    await install(first.agent, recordOf(patch), [patch]);
    await pastItsWindow(first.agent);
    const { agent, fake } = booted("boot-2");
    const engine = createKlpEngine({
      kernel: { ...fake.kernel, release: "6.1.0-newer" },
      clock: agent.clock,
      bootId: "boot-2",
      directory: join(directory, "klp"),
    });
    await recover({ ...agent, engines: new Map([["klp", engine]]) });
    expect(stateOf(patch)).toBe("not-applicable");
    const third = booted("boot-3");
    await recover(third.agent);
    expect([stateOf(patch), third.fake.isPatchedBy("acme_fix")]).toEqual(["applied", true]);
  });
});

describe("a cumulative patch", () => {
  it("gives way to the one that it replaced when it turns out bad, with neither gone at any time", async () => {
    const [old, bad] = [fix("acme_one", true), { ...fix("acme_two", true), replaces: [fix("acme_one").id] }];
    const { agent, fake } = booted("boot-1", { acme_one: { replace: true }, acme_two: { replace: true } });
    await install(agent, recordOf(old), [old]);
    await pastItsWindow(agent);
    await install(agent, { ...recordOf(bad), former: formerOf(agent.patches.all()) }, [bad]);
    const record = agent.patches.get(bad.id);
    if (record === undefined) throw new Error("not recorded");
    await retireFormer(agent, record);
    expect([stateOf(old), stateOf(bad)]).toEqual(["undone", "applied"]);
    fake.warn("BUG: kernel NULL pointer dereference, address: 8", 128);
    await settle(agent);
    expect([stateOf(old), stateOf(bad)]).toEqual(["applied", "quarantined"]);
    expect([fake.isPatchedBy("acme_one"), fake.isPatchedBy("acme_two")]).toEqual([true, false]);
  });

  it("that is bad at once leaves the one in that it was to replace", async () => {
    const [old, bad] = [fix("acme_one", true), { ...fix("acme_two", true), replaces: [fix("acme_one").id] }];
    const bug = { replace: true, taint: 45_056 | 128, log: "BUG: kernel NULL pointer dereference, address: 8" };
    const { agent, fake } = booted("boot-1", { acme_one: { replace: true }, acme_two: bug });
    await install(agent, recordOf(old), [old]);
    await pastItsWindow(agent);
    await install(agent, { ...recordOf(bad), former: formerOf(agent.patches.all()) }, [bad]);
    expect([stateOf(old), stateOf(bad)]).toEqual(["applied", "failed"]);
    expect([fake.isPatchedBy("acme_one"), fake.isPatchedBy("acme_two")]).toEqual([true, false]);
  });

  it("is undone without its former one where that was recalled since", async () => {
    const [old, next] = [fix("acme_one", true), { ...fix("acme_two", true), replaces: [fix("acme_one").id] }];
    const { agent, fake } = booted("boot-1", { acme_one: { replace: true }, acme_two: { replace: true } });
    await install(agent, recordOf(old), [old]);
    await install(agent, { ...recordOf(next), former: formerOf(agent.patches.all()) }, [next]);
    const record = agent.patches.get(next.id);
    if (record === undefined) throw new Error("not recorded");
    await retireFormer(agent, record);
    agent.patches.addRecalled([old.id]);
    await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Test" });
    expect(fake.kernel.list("/sys/kernel/livepatch")).toEqual([]);
    expect([stateOf(old), stateOf(next)]).toEqual(["undone", "undone"]);
  });
});
