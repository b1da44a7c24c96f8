import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Behaviour, fakeClock, fakeKernel } from "../../../test/support/klp/fake-kernel.ts";
import { moduleFile } from "../../../test/support/klp/module-file.ts";
import { klpPatch } from "../../../test/support/klp/patch.ts";
import { createKlpEngine } from "./engine.ts";
import type { Progress } from "./transition.ts";

const release = "6.1.0-test-amd64";
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-klp-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function host(behaviours: Readonly<Record<string, Behaviour>> = {}) {
  const clock = fakeClock();
  const fake = fakeKernel(clock, behaviours);
  const told: Progress[] = [];
  const engine = (bootId = "boot-1") =>
    createKlpEngine({ kernel: fake.kernel, clock, bootId, directory, onProgress: (progress) => told.push(progress) });
  return { clock, fake, told, engine: engine(), restarted: engine };
}
const fix = (module: string, more: Partial<Parameters<typeof klpPatch>[1]> = {}) =>
  klpPatch(`acme/linux/stable/${module.replaceAll("_", "-")}@1`, { module, ...more });

describe("what is refused before anything is loaded", () => {
  test.each([
    ["enforced signatures", "/sys/module/module/parameters/sig_enforce", "Y", /signed modules only.*mokutil/],
    ["lockdown", "/sys/kernel/security/lockdown", "none [integrity] confidentiality", /signed modules only.*mokutil/],
    ["modules_disabled", "/proc/sys/kernel/modules_disabled", "1", /modules_disabled.*reboot/],
  ])("an unsigned module under %s, with what mends it", async (_, path, value, detail) => {
    const { fake, engine } = host();
    fake.settings.set(path, value);
    const before = fake.fingerprint();
    const outcome = await engine.apply(fix("acme_fix"));
    expect(outcome.code).toBe("unsupported");
    expect(outcome.detail).toMatch(detail);
    expect(fake.fingerprint().equals(before)).toBe(true);
  });

  test("a kernel without livepatch, and an agent without the right to load modules", async () => {
    const { fake, clock } = host();
    const without = { ...fake.kernel, list: () => [] };
    const unprivileged = { ...fake.kernel, mayLoadModules: false };
    for (const [kernel, reason] of [
      [without, /CONFIG_LIVEPATCH/],
      [unprivileged, /root/],
    ] as const) {
      const engine = createKlpEngine({ kernel, clock, bootId: "boot-1", directory });
      expect(await engine.detect()).toMatchObject({ supported: false, reason: expect.stringMatching(reason) });
      expect(await engine.check(fix("acme_fix"))).toMatchObject({ code: "unsupported" });
    }
  });

  test.each([
    [
      "built for another kernel, which the kernel itself would load",
      { name: "acme_fix", kernel: "6.1.0-other-amd64" },
      /built for kernel 6\.1\.0-other/,
    ],
    ["of another name", { name: "other", kernel: release }, /called other/],
    ["not marked as a livepatch", { name: "acme_fix", kernel: release, livepatch: false }, /not marked/],
  ])("a module %s", async (_, text, detail) => {
    const { engine } = host();
    const patch = klpPatch("acme/linux/stable/fix@1", { module: "acme_fix" }, moduleFile(text));
    expect(await engine.apply(patch)).toMatchObject({ code: "unsupported", detail: expect.stringMatching(detail) });
  });

  test("a staged module that was changed on the disk", async () => {
    const { fake, engine } = host();
    const patch = fix("acme_fix");
    await engine.stage(patch);
    writeFileSync(join(directory, "acme_fix.ko"), moduleFile({ name: "acme_fix", kernel: release, signed: true }));
    expect(await engine.apply(patch)).toMatchObject({
      code: "failed",
      detail: expect.stringContaining("not what was verified"),
    });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
  });

  test.each([
    ["ENOEXEC", "unsupported"],
    ["ENOENT", "unsupported"],
    ["EINVAL", "unsupported"],
    ["EKEYREJECTED", "unsupported"],
    ["EPERM", "unsupported"],
    ["EBUSY", "blocked"],
    ["other", "failed"],
  ] as const)("insmod's %s is %s, and leaves nothing", async (refused, code) => {
    const { fake, engine } = host({ acme_fix: { refused } });
    const before = fake.fingerprint();
    const patch = fix("acme_fix");
    expect(await engine.apply(patch)).toMatchObject({ code });
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(fake.fingerprint().equals(before)).toBe(true);
  });
});

describe("modules that somebody else loaded", () => {
  test("are listed and left alone: no cumulative patch over them, none of the same name beside them", async () => {
    const { fake, engine } = host();
    fake.loadLivepatch("kpatch_other");
    const before = fake.fingerprint();
    expect(await engine.apply(fix("acme_all", { replace: true }))).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("kpatch_other"),
    });
    expect(await engine.apply(fix("kpatch_other"))).toMatchObject({ code: "blocked" });
    expect(await engine.undo("acme/linux/stable/kpatch-other@1")).toMatchObject({ code: "undone" });
    expect(fake.fingerprint().equals(before)).toBe(true);
    const { facts } = await engine.detect();
    expect(facts.livepatch?.loaded).toMatchObject([{ module: "kpatch_other", patch: null }]);
    expect(await engine.apply(fix("acme_fix"))).toMatchObject({ code: "applied" });
    expect(fake.isPatchedBy("kpatch_other")).toBe(true);
  });

  test("keep a module out that does not tell whether it is cumulative: it might take theirs out", async () => {
    const { fake, engine } = host();
    const silent = klpPatch(
      "acme/linux/stable/fix@1",
      { module: "acme_fix" },
      moduleFile({ name: "acme_fix", kernel: release }),
    );
    fake.loadLivepatch("kpatch_other");
    expect(await engine.apply(silent)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("might take out kpatch_other"),
    });
    expect(fake.isPatchedBy("kpatch_other")).toBe(true);
  });

  test("a staged patch whose name another takes meanwhile is dropped without touching that module", async () => {
    const { fake, engine } = host();
    const patch = fix("acme_fix");
    await engine.stage(patch);
    fake.load("acme_fix");
    const before = fake.fingerprint();
    expect(await engine.apply(patch)).toMatchObject({ code: "blocked" });
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(fake.fingerprint().equals(before)).toBe(true);
  });
});

describe("a stall", () => {
  test("is told while it lasts, taken back at the deadline, and says who stood in the way", async () => {
    const { fake, engine, told } = host();
    const old = fix("acme_one");
    await engine.apply(old);
    const before = fake.fingerprint();
    fake.occupy(77, "worker");
    const two = { ...fix("acme_two", { replace: true, stallSeconds: 20 }), replaces: [old.id] };
    const outcome = await engine.apply(two);
    expect(outcome).toMatchObject({
      code: "stalled",
      evidence: {
        waitedSeconds: 20,
        blockers: [{ task: "worker", pid: 77, ageSeconds: 60, stack: "target_wait [suture_target]" }],
      },
    });
    expect(told.map(({ action, waitedSeconds }) => [action, waitedSeconds])).toEqual(
      [5, 10, 15].map((at) => ["apply", at]),
    );
    expect(fake.fingerprint().equals(before)).toBe(true);
    expect(await engine.verify(old)).toMatchObject({ code: "applied" });
  });

  test("of an undo leaves the patch in whole", async () => {
    const { fake, engine } = host();
    const patch = fix("acme_fix");
    await engine.apply(patch);
    const leave = fake.occupy(77, "worker");
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undo-pending", evidence: { blockers: [{ pid: 77 }] } });
    expect(await engine.verify(patch)).toMatchObject({ code: "applied" });
    leave();
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undone" });
  });

  test("is ended by force where a person asks for it, and the module then stays until a reboot", async () => {
    const { fake, engine, restarted } = host();
    const patch = fix("acme_fix", { stallSeconds: 5 });
    fake.occupy(77, "worker");
    expect(await engine.force(patch)).toMatchObject({ code: "applied", evidence: { forced: true } });
    expect(fake.isPatchedBy("acme_fix")).toBe(true);
    expect(await engine.forceUndo(patch.id)).toMatchObject({ code: "undone", evidence: { forced: true } });
    for (const each of [engine, restarted()]) {
      expect(await each.recover()).toEqual([]);
      expect(await each.apply(patch)).toMatchObject({ code: "needs-reboot" });
    }
  });

  test("of an undo is ended by force likewise", async () => {
    const { fake, engine } = host();
    const patch = fix("acme_fix", { stallSeconds: 5 });
    await engine.apply(patch);
    fake.occupy(77, "worker");
    expect(await engine.undo(patch.id)).toMatchObject({ code: "undo-pending" });
    expect(await engine.forceUndo(patch.id)).toMatchObject({
      code: "undone",
      detail: expect.stringContaining("until a reboot"),
    });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
    expect(await engine.list()).toEqual([]);
  });

  test("of somebody else's patch is waited out, and then this one is blocked, with nothing loaded", async () => {
    const { fake, engine } = host();
    fake.occupy(77, "worker");
    fake.beginTransition("kpatch_other");
    const before = fake.fingerprint();
    expect(await engine.apply(fix("acme_fix"))).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("kpatch_other"),
    });
    expect(fake.fingerprint().equals(before)).toBe(true);
  });
});

describe("patches upon patches", () => {
  test("a cumulative one takes the place of those that it supersedes and of no others; it can be rolled back to the former", async () => {
    const { fake, engine } = host({ acme_two: { replace: true } });
    const one = fix("acme_one");
    const two = { ...fix("acme_two", { replace: true }), replaces: [one.id] };
    await engine.apply(one);
    expect(await engine.apply({ ...two, replaces: [] })).toMatchObject({ code: "blocked" });
    expect(await engine.apply(two)).toMatchObject({ code: "applied", evidence: { replaced: ["acme_one"] } });
    expect(fake.fingerprint().toString()).not.toContain("acme_one");
    expect(await engine.apply(one)).toMatchObject({
      code: "not-applicable",
      detail: expect.stringContaining("acme_two"),
    });
    await engine.undo(one.id);
    expect(await engine.apply(one)).toMatchObject({ code: "applied" });
    expect(await engine.undo(two.id)).toMatchObject({ code: "undone" });
    expect([fake.isPatchedBy("acme_one"), fake.isPatchedBy("acme_two")]).toEqual([true, false]);
  });

  test("others stack, and each goes by itself", async () => {
    const { fake, engine } = host();
    await engine.apply(fix("acme_one"));
    await engine.apply(fix("acme_two"));
    await engine.undo(fix("acme_one").id);
    expect([fake.isPatchedBy("acme_one"), fake.isPatchedBy("acme_two")]).toEqual([false, true]);
  });
});

describe("whether it worked", () => {
  test("a kernel that oopses, or is tainted as the patch may not taint it, takes the patch out again", async () => {
    const { fake, engine } = host({
      acme_fix: { taint: 45_056 | 128, log: "BUG: kernel NULL pointer dereference, address: 8" },
    });
    expect(await engine.apply(fix("acme_fix"))).toMatchObject({
      code: "failed",
      detail: expect.stringContaining("taint rose"),
    });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
  });

  test.each([
    "WARNING: CPU: 0 PID: 812 at net/core/dev.c:1234 acme_fixed+0x1c/0x30 [acme_fix]",
    "WARNING: net/core/dev.c:1234 at acme_fixed+0x1c/0x30 [acme_fix], CPU#0: nginx/812",
  ])("a patch whose code warns is reverted, though the kernel had warned before: %s", async (log) => {
    const { fake, engine } = host({ acme_fix: { log } });
    fake.warn("WARNING: CPU: 0 PID: 1 at drivers/other.c:1 something else, long ago", 512);
    expect(await engine.apply(fix("acme_fix"))).toMatchObject({
      code: "failed",
      detail: expect.stringContaining("the kernel complains: WARNING"),
    });
    expect(fake.isPatchedBy("acme_fix")).toBe(false);
  });

  test("trouble that comes later is found by verify", async () => {
    const { fake, engine } = host();
    const patch = fix("acme_fix");
    fake.warn("WARNING: CPU: 0 PID: 1 at some/driver.c", 512);
    expect(await engine.apply(patch)).toMatchObject({ code: "applied" });
    fake.warn("BUG: kernel NULL pointer dereference, address: 8", 128);
    expect(await engine.verify(patch)).toMatchObject({
      code: "failed",
      evidence: { log: [expect.stringMatching(/^BUG/)] },
    });
  });

  test("an object that is not loaded is told as such, and one that is loaded and unpatched is no success", async () => {
    const { fake, engine } = host({ acme_fix: { objects: ["echo_dev"] } });
    const patch = fix("acme_fix", { objects: ["echo_dev"] });
    expect(await engine.apply(patch)).toMatchObject({
      code: "applied",
      evidence: { objects: [{ object: "echo_dev", state: "not-loaded" }] },
    });
    fake.load("echo_dev");
    expect(await engine.verify(patch)).toMatchObject({
      code: "applied",
      evidence: { objects: [{ state: "patched" }] },
    });
    expect(await engine.apply(fix("acme_more", { objects: ["vmlinux", "echo_dev"] }))).toMatchObject({
      code: "failed",
      detail: "echo_dev is not patched; acme_more is out",
    });
  });

  test("nothing is taken for applied after a reboot", async () => {
    const { engine, restarted } = host();
    const patch = fix("acme_fix");
    await engine.apply(patch);
    const rebooted = host();
    const after = createKlpEngine({ kernel: rebooted.fake.kernel, clock: rebooted.clock, bootId: "boot-2", directory });
    expect(await after.verify(patch)).toMatchObject({ code: "failed" });
    expect(await after.recover()).toEqual([]);
    expect(await after.apply(patch)).toMatchObject({ code: "applied" });
    expect(await restarted("boot-1").list()).toEqual([]);
  });
});
