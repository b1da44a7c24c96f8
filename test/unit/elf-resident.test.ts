import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../agent/engines/engine.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { patient } from "../support/elf/patient.ts";
import { bothFunctions, compilePayload, patchFor, payloadsOf } from "../support/elf/target.ts";

const host = elfFixture();

function buildSuspended(): string {
  const binary = join(host.newDirectory(), "suspended");
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  const source = join(import.meta.dirname, "../support/elf/suspended.c");
  execFileSync(process.env.CC ?? "cc", [
    "-O2",
    "-g",
    "-fno-inline",
    "-fno-ipa-cp",
    "-pthread",
    id,
    "-o",
    binary,
    source,
  ]);
  return binary;
}

/** A patch of a program by a few lines of C that replace one(). */
function patchOf(binary: string, source: string): ElfPatch {
  const directory = host.newDirectory();
  const [file, payload] = [join(directory, "fix.c"), join(directory, "fix.so")];
  writeFileSync(file, source);
  compilePayload(file, payload);
  return patchFor(binary, payload, [{ name: "one", replacement: "one_fixed" }]);
}

describe("what may still lead into a payload after its undo", () => {
  test("a call that a coroutine suspended on another stack ends in the payload's code", async () => {
    const binary = buildSuspended();
    const target = await host.startOther(binary, "coroutine");
    const patch = patchFor(binary, host.payload, bothFunctions);
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("enter")).toBe("suspended");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
    expect(await target.ask("resume")).toBe("resumed");
    expect(await target.ask("value")).toBe("3");
  });

  test("a pointer that the program keeps, to a literal, is still good after an undo and after a successor", async () => {
    const binary = buildSuspended();
    const target = await host.startOther(binary);
    const source = (text: string) =>
      `extern const char *last_error; int one_fixed(int w) { if (w == 0) last_error = "${text}"; return 10; }`;
    const patch = patchOf(binary, source("of the fix"));
    await host.engine.apply(patch);
    await target.ask("value");
    const next: ElfPatch = { ...patchOf(binary, source("of the next")), id: patch.id.replace("@1", "@2") };
    expect(await host.engine.apply({ ...next, replaces: [patch.id] })).toMatchObject({ code: "applied" });
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("error")).toBe("of the fix");
    await target.ask("value");
    expect(await host.engine.undo(next.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("error")).toBe("of the next");
  });
});

describe("a patch that refuses suspended frames", () => {
  test.each(["coroutine", "jump"])(
    "is not applied while a call of what it replaces is suspended on a stack that no thread stands on: %s",
    async (mode) => {
      const binary = buildSuspended();
      const target = await host.startOther(binary, mode);
      const patch = patchFor(binary, host.payload, bothFunctions);
      const refusing: ElfPatch = { ...patch, variant: { ...patch.variant, suspendedFrames: "refuse" } };
      expect(await target.ask("enter")).toBe("suspended");
      expect(await host.engine.apply(refusing)).toMatchObject({
        code: "blocked",
        detail: expect.stringContaining("a call of one may be suspended"),
      });
      expect(await target.ask("value")).toBe("3");
      expect(await target.ask("resume")).toBe("resumed");
      expect(await host.engine.apply(refusing)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe("30");
    },
  );
});

describe("memory that an agent mapped and did not finish", () => {
  test("is found by the next one, also where the call that was given up is made later", async () => {
    const target = await host.start();
    const before = target.maps();
    const giveUp = createElfEngine({
      journalDir: host.journalDir,
      onStep: (step) => {
        if (step === "redirected") throw new Error("given up, and the thread goes on");
      },
    });
    expect(await giveUp.apply(host.patch)).toMatchObject({ code: "failed" });
    // the thread has made the call, and is where it was
    await expect.poll(() => target.maps() === before).toBe(false);
    expect([await target.ask("value"), await target.ask("eintr")]).toEqual(["3", "0"]);
    expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(target.maps()).toBe(before);
    expect(payloadsOf(target.pid)).toHaveLength(1);
  });
});

describe("a resident payload", () => {
  test("is used again by the next apply, from where it is", async () => {
    const target = await host.start();
    for (let cycle = 0; cycle < 5; cycle++) {
      expect(await host.engine.apply(host.patch)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe("30");
      expect(await host.engine.undo(host.patch.id)).toMatchObject({ code: "undone" });
      expect(await target.ask("value")).toBe("3");
      expect(payloadsOf(target.pid)).toHaveLength(1);
    }
    const [payload] = payloadsOf(target.pid);
    expect(await host.engine.apply(host.patch)).toMatchObject({
      evidence: { processes: [{ residentBytes: payload?.size }] },
    });
  });

  test("is not used again where its variables have changed: a patch begins with them as they were built", async () => {
    const target = await host.start();
    const counting = host.patchOf("static int n = 100; int one_fixed(int wait) { return wait ? 0 : ++n; }");
    for (let cycle = 1; cycle <= 2; cycle++) {
      expect(await host.engine.apply(counting)).toMatchObject({ code: "applied" });
      expect(await target.ask("value")).toBe("103");
      await host.engine.undo(counting.id);
      expect(payloadsOf(target.pid)).toHaveLength(cycle);
    }
  });

  test("counts against what one process may hold; beyond that the restart of the program is named, and nothing is mapped", async () => {
    const target = await host.start("flat");
    const large = host.patchOf("volatile char room[50 << 20]; int one_fixed(int wait) { return room[wait] + 100; }");
    const others = [1, 2, 3].map((at) => ({ ...large, id: `acme/target/stable/large@${at}` }));
    const [first, second, third] = others.map((patch) => async () => {
      const outcome = await host.engine.apply(patch);
      await host.engine.undo(patch.id);
      return outcome;
    });
    expect(await first?.()).toMatchObject({ code: "applied" });
    expect(await second?.()).toMatchObject({ code: "applied" });
    const refused = { code: "blocked", detail: expect.stringContaining("restart the program") };
    expect(await host.engine.check(others[2] ?? large)).toMatchObject(refused);
    expect(await third?.()).toMatchObject(refused);
    expect(payloadsOf(target.pid)).toHaveLength(2);
    expect(await first?.()).toMatchObject({ code: "applied" });
  });

  test("is never writable and executable, nor can the rest of it be run", async () => {
    const target = await host.start();
    await host.engine.apply(
      host.patchOf("static int n; const char text[] = {1}; int one_fixed(int wait) { return wait ? n++ : text[0]; }"),
    );
    const [payload] = payloadsOf(target.pid);
    const parts = readFileSync(`/proc/${target.pid}/maps`, "latin1")
      .split("\n")
      .filter((line) => {
        const start = Number.parseInt(line, 16);
        return payload && start >= payload.base && start < payload.base + payload.size;
      });
    expect(parts.map((line) => line.split(" ")[1])).toEqual(["r--p", "r-xp", "r--p", "rw-p"]);
  });
});

describe("a process that may not make memory executable (PR_SET_MDWE, as systemd's MemoryDenyWriteExecute)", () => {
  test("is patched and unpatched like any other", async ({ skip }) => {
    const binary = buildSuspended();
    const target = await host.startOther(binary, "denied").catch(() => skip("this kernel has no PR_SET_MDWE"));
    const patch = patchFor(binary, host.payload, bothFunctions);
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });
});

describe("a journal that was lost", () => {
  test("does not make what is applied undone: the memory of each process says what is in it", async () => {
    const [target, other] = [await host.start(), await host.start("flat")];
    await host.engine.apply(host.patch);
    rmSync(host.journalDir, { recursive: true });
    const restarted = patient(createElfEngine({ journalDir: host.journalDir }));
    expect(await restarted.verify(host.patch)).toMatchObject({ code: "applied" });
    rmSync(host.journalDir, { recursive: true });
    const again = patient(createElfEngine({ journalDir: host.journalDir }));
    const builds = [host.patch.variant.match.buildId];
    expect(await again.undo(host.patch.id, builds)).toMatchObject({
      code: "undone",
      evidence: { processes: { length: 2 } },
    });
    expect([await target.ask("value"), await other.ask("value")]).toEqual(["3", "3"]);
  });

  test("in part, for one record of it is damaged, keeps no patch from being undone, and the record is set aside", async () => {
    const [target, other] = [await host.start(), await host.start("flat")];
    await host.engine.apply(host.patch);
    const [half = "", fifo = ""] = readdirSync(host.journalDir).map((name) => join(host.journalDir, name));
    writeFileSync(half, readFileSync(half).subarray(0, 40));
    rmSync(fifo);
    execFileSync("mkfifo", [fifo]);
    const engine = patient(createElfEngine({ journalDir: host.journalDir }));
    const builds = [host.patch.variant.match.buildId];
    expect(await engine.undo(host.patch.id, builds)).toMatchObject({ code: "undone" });
    expect([await target.ask("value"), await other.ask("value")]).toEqual(["3", "3"]);
    expect(readdirSync(host.journalDir).filter((name) => name.endsWith(".json.damaged"))).toHaveLength(2);
  });

  test("of an older agent is understood: a payload that it was about to unmap stays, and is resident", async () => {
    const target = await host.start();
    await host.engine.stage(host.patch);
    const [name = ""] = readdirSync(host.journalDir);
    const path = join(host.journalDir, name);
    writeFileSync(path, readFileSync(path, "utf8").replace('"staged"', '"releasing"'));
    const engine = patient(createElfEngine({ journalDir: host.journalDir }));
    expect(await engine.recover()).toMatchObject([{ code: "undone" }]);
    expect(readdirSync(host.journalDir)).toEqual([name.replace(".json", ".resident")]);
    // and an older agent that is put back finds no file of a kind that it does not know
    renameSync(path.replace(".json", ".resident"), path.replace(".json", ".unseen"));
    expect(await engine.recover()).toEqual([]);
    expect(await engine.apply(host.patch)).toMatchObject({ code: "applied" });
    expect(payloadsOf(target.pid)).toHaveLength(1);
  });
});
