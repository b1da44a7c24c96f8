import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { elfFixture } from "../support/elf/fixture.ts";
import { bothFunctions, patchFor, payloadsOf, type Target } from "../support/elf/target.ts";

const host = elfFixture();

/** Builds and starts the program of threads.c, with its patch. */
async function startThreads(mode: string) {
  const binary = join(host.newDirectory(), "threads");
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  const source = join(import.meta.dirname, "../support/elf/threads.c");
  const flags = ["-O2", "-g", "-fno-inline", "-fno-ipa-cp", "-pthread", "-Wl,-z,now", id];
  execFileSync(process.env.CC ?? "cc", [...flags, "-o", binary, source]);
  return { target: await host.startOther(binary, mode), patch: patchFor(binary, host.payload, bothFunctions) };
}

async function stopAndContinue(target: Target, times: number): Promise<void> {
  for (let turn = 0; turn < times; turn++) {
    for (const signal of ["SIGSTOP", "SIGCONT"] as const) {
      process.kill(target.pid, signal);
      await sleep(10);
    }
  }
}

describe("the thread that maps memory", () => {
  test("stands on a stack of 2 KiB, and nothing below that is written over", async () => {
    const { target, patch } = await startThreads("small");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect([await target.ask("value"), await target.ask("canary")]).toEqual(["30", "0"]);
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect([await target.ask("value"), await target.ask("canary")]).toEqual(["3", "0"]);
  });

  test("never stands in a restartable sequence: that would go on after it was interrupted", async () => {
    const { target, patch } = await startThreads("sequence");
    await stopAndContinue(target, 3);
    const before = Number(await target.ask("count"));
    expect(before).toBeGreaterThan(0);
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect([await target.ask("value"), await target.ask("canary")]).toEqual(["30", "0"]);
    const applied = Number(await target.ask("count"));
    await stopAndContinue(target, 3);
    // it can still be aborted: what was begun before the call was not gone on with
    expect(Number(await target.ask("count"))).toBeGreaterThan(applied);
    expect(await target.ask("release")).toBe("1");
  });

  test.each(["busy", "sandbox"])(
    "is awaited at its next system call where none ever waits in one (%s)",
    async (mode) => {
      const { target, patch } = await startThreads(mode);
      await sleep(200);
      expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
      expect([await target.ask("value"), await target.ask("canary")]).toEqual(["30", "0"]);
      await host.engine.undo(patch.id);
      expect(await target.ask("value")).toBe("3");
    },
  );
});

describe("where no thread can", () => {
  test("nothing is done, one is named with its reason, and a later apply finds it able", async () => {
    const { target, patch } = await startThreads("spin");
    expect(await host.engine.apply(patch)).toMatchObject({
      code: "blocked",
      detail: expect.stringMatching(/thread \d+: it (is not within a|makes no) system call/),
    });
    expect(payloadsOf(target.pid)).toEqual([]);
    process.kill(target.pid, "SIGUSR1");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });
});

describe("a payload that is mapped already", () => {
  test("lends its memory to the frames of later calls, also where a thread's stack is out of the question", async () => {
    const { target, patch } = await startThreads("small");
    const ids = [1, 2, 3].map((version) => patch.id.replace("@1", `@${version}`));
    for (const id of ids) expect(await host.engine.apply({ ...patch, id })).toMatchObject({ code: "applied" });
    expect([await target.ask("value"), await target.ask("canary")]).toEqual(["30", "0"]);
    expect(payloadsOf(target.pid)).toHaveLength(3);
  });
});
