import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { threadStatus } from "../../agent/system/proc.ts";
import { elfFixture } from "../support/elf/fixture.ts";
import { bothFunctions, buildProgram, patchFor, type Target } from "../support/elf/target.ts";

const host = elfFixture();
let program = "";
beforeAll(() => {
  program = buildProgram("tasks.c", host.directory);
});

/** The program in one of its modes, and the patch of it. */
async function start(mode: string): Promise<{ target: Target; patch: ReturnType<typeof patchFor> }> {
  return { target: await host.startOther(program, mode), patch: patchFor(program, host.payload, bothFunctions) };
}

/** Every task of the host that is traced. */
function traced(): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number(threadStatus(pid, pid).get("TracerPid") ?? 0) !== 0);
}

describe("tasks that are no ordinary threads", () => {
  test("children that are born while their parent is stopped go on with it, however they were made", async () => {
    const { target, patch } = await start("children");
    for (let round = 0; round < 10; round++) {
      expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
      expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    }
    await expect.poll(traced, { timeout: 10_000 }).toEqual([]);
    const [ended = 0] = (await target.ask("count")).split(" ").map(Number);
    await expect.poll(async () => Number((await target.ask("count")).split(" ")[0])).toBeGreaterThan(ended + 60);
  });

  test.each(["shares", "sibling"])("another process that uses the same memory is stopped too: %s", async (mode) => {
    const { target, patch } = await start(mode);
    await target.ask("enter");
    expect(await host.engine.apply(patch)).toMatchObject({
      code: "blocked",
      detail: expect.stringContaining("it may return into one"),
    });
    await target.ask("leave");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
    expect(await target.ask("value")).toBe("3");
  });

  test("a parent that waits for its child of vfork is put off, with the reason, and none is stopped in vain", async () => {
    const { target, patch } = await start("spawning");
    await host.engine.stage(patch);
    expect(await target.ask("spawn")).toBe("waits");
    const outcome = await host.engine.check(patch);
    expect(outcome).toMatchObject({ code: "applied" });
    await expect.poll(() => host.engine.apply(patch), { timeout: 20_000 }).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
  });

  test("the kernel's own threads for io_uring have no stack and stand in nobody's way", async ({ skip }) => {
    const { target, patch } = await start("ring");
    if (readdirSync(`/proc/${target.pid}/task`).length === 1) skip("io_uring is not to be had here");
    expect(await host.engine.apply(patch)).toMatchObject({ code: "applied" });
    expect(await target.ask("value")).toBe("30");
    expect(await host.engine.undo(patch.id)).toMatchObject({ code: "undone" });
  });

  test("a process that a second thread runs anew again and again is never harmed, nor is a failure said", async () => {
    const child = spawn(program, ["reexec"], { stdio: ["pipe", "ignore", "inherit"] });
    const ended = once(child, "exit");
    const patch = patchFor(program, host.payload, bothFunctions);
    const failures = new Set<string>();
    for (const deadline = Date.now() + 3000; Date.now() < deadline; await sleep(5)) {
      for (const { code, detail } of [await host.engine.apply(patch), await host.engine.undo(patch.id)]) {
        if (code === "failed" || code === "unsupported") failures.add(detail.replaceAll(/\d+/g, "N"));
      }
    }
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect([...failures]).toEqual([]);
    expect(readFileSync(`/proc/${child.pid}/status`, "latin1")).toContain("TracerPid:\t0");
    child.kill("SIGKILL");
    await ended;
  });
});
