import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { readlinkSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import type { ProcessEnd } from "../health/ends.ts";
import { isSystemError } from "../system/proc.ts";
import { type ProcessWatch, watchProcesses } from "./processes.ts";

const patience = { timeout: 30_000 };
const patch = "acme/shop/stable/fix@1";
const children: ChildProcess[] = [];
let watch: ProcessWatch | undefined;

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await watch?.close();
});

/** A child whose number is known before it becomes `sleep`, once its standard input ends. */
function sleeper(): ChildProcess & { pid: number } {
  const child = spawn("/bin/sh", ["-c", "read -r _; exec sleep 600"], { stdio: ["pipe", "ignore", "ignore"] });
  children.push(child);
  if (child.pid === undefined) throw new Error("no shell");
  return Object.assign(child, { pid: child.pid });
}

function runsSleep(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith("sleep");
  } catch (error) {
    if (isSystemError(error, "ENOENT", "EACCES")) return false;
    throw error;
  }
}

function need(skip: (reason: string) => void, isThere: boolean, reason: string): void {
  if (isThere) return;
  if (process.env.CI === "true") expect.fail(reason);
  skip(reason);
}

describe("where the kernel tells of processes", () => {
  test("the agent is woken for a target that starts, and for a patched process that ends or becomes another", async ({
    skip,
  }) => {
    const child = sleeper();
    let woken = 0;
    const isTarget = (pid: number) => pid === child.pid && runsSleep(pid);
    watch = watchProcesses(isTarget, () => woken++, Date.now);
    need(skip, watch.polling === undefined, watch.polling ?? "");
    child.stdin?.end("\n");
    await expect.poll(() => woken, patience).toBe(1);
    watch.remember(patch, [child.pid]);
    child.kill("SIGKILL");
    await expect.poll(() => woken, patience).toBe(2);

    const other = sleeper();
    watch.remember(patch, [other.pid]);
    const before = woken;
    other.stdin?.end("\n");
    await expect.poll(() => runsSleep(other.pid), patience).toBe(true);
    await expect.poll(() => woken, patience).toBeGreaterThan(before);
  });

  test("it knows how each patched process ended, and of no other", async ({ skip }) => {
    watch = watchProcesses(
      () => false,
      () => {},
      Date.now,
    );
    need(skip, watch.polling === undefined, watch.polling ?? "");
    const since = Date.now();
    const [crashed, failed, other] = [sleeper(), sleeper(), sleeper()];
    watch.remember(patch, [crashed.pid, failed.pid]);
    other.kill("SIGKILL");
    crashed.kill("SIGSEGV");
    const ends = () => watch?.endsOf(patch, since) ?? [];
    await expect.poll(() => ends().length, patience).toBe(1);
    // what ended before is remembered although it is no target now
    watch.remember(patch, [failed.pid]);
    spawnSync("true");
    failed.stdin?.destroy();
    failed.kill("SIGTERM");
    await expect.poll(() => ends().length, patience).toBe(2);
    const [first, second] = ends() as [ProcessEnd, ProcessEnd];
    expect(first).toMatchObject({ pid: crashed.pid, name: "sh", how: { signal: constants.signals.SIGSEGV } });
    expect(second).toMatchObject({ pid: failed.pid, how: { signal: constants.signals.SIGTERM } });
    expect(watch.endsOf(patch, Date.now() + 1)).toEqual([]);
  });

  test("the watch ends although more has come than the kernel's queue holds", async ({ skip }) => {
    watch = watchProcesses(
      () => false,
      () => {},
      Date.now,
    );
    need(skip, watch.polling === undefined, watch.polling ?? "");
    await watch.close();
    // A process of its own: one that waits for room in the queue that it alone empties can do nothing else, not even time out
    const script = `
      const { spawnSync } = await import("node:child_process");
      const { watchProcesses } = await import("${fileURLToPath(new URL("processes.ts", import.meta.url))}");
      const watch = watchProcesses(() => false, () => {}, Date.now);
      spawnSync("/bin/sh", ["-c", "i=0; while [ $i -lt 2000 ]; do /bin/true; i=$((i + 1)); done"]);
      await watch.close();
      console.log("closed");`;
    const args = ["--input-type=module", "-e", script];
    const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000, killSignal: "SIGKILL" });
    expect(stdout).toBe("closed\n");
  });
});

test("where it does not, the agent looks every second, and says why", async ({ skip }) => {
  const [unshare, ...namespace] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "--"];
  need(skip, spawnSync(unshare, [...namespace, "true"]).status === 0, "pid namespaces do not work here");
  const script = `
    const { spawn } = await import("node:child_process");
    const { watchProcesses } = await import("${fileURLToPath(new URL("processes.ts", import.meta.url))}");
    const watch = watchProcesses((pid) => pid === child.pid, () => done("woken"), Date.now);
    const child = spawn("sleep", ["600"]);
    const done = async (word) => {
      child.kill();
      await watch.close();
      console.log(word + ": " + watch.polling);
      process.exit();
    };`;
  const args = [...namespace, process.execPath, "--input-type=module", "-e", script];
  const answer = execFileSync(unshare, args, { encoding: "utf8", timeout: 60_000 });
  expect(answer).toMatch(/^woken: the kernel tells of processes only in the host's own pid namespace$/m);
});
