import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { runCommand } from "./command.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-health-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function program(script: string, mode = 0o755): string {
  const file = join(directory, "check");
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, mode);
  return file;
}

test("a program is well where it exits with 0; else the verdict has its exit code and last words", async () => {
  expect(await runCommand([program("exit 0")], 60_000)).toBeUndefined();
  expect(await runCommand([program("echo out of seats >&2; exit 3")], 60_000)).toMatch(/exited with 3: out of seats$/);
  expect(await runCommand([program("kill -9 $$")], 60_000)).toMatch(/exited with SIGKILL$/);
});

test("arguments reach it as they are, without a shell, and nothing of the agent's environment does", async () => {
  process.env.SUTURE_TEST_SECRET = "secret";
  try {
    const file = program('echo "$# [$1] [$SUTURE_TEST_SECRET] $(pwd)"; exit 1');
    expect(await runCommand([file, "$(id); *"], 60_000)).toMatch(/: 1 \[\$\(id\); \*\] \[\] \/$/);
  } finally {
    delete process.env.SUTURE_TEST_SECRET;
  }
});

test("what takes too long has failed, and what it started goes with it", async () => {
  const pid = join(directory, "pid");
  const verdict = await runCommand([program(`sleep 600 & echo $! >${pid}; wait`)], 1_000);
  expect(verdict).toMatch(/took longer than 1 s$/);
  const child = Number(readFileSync(pid, "utf8"));
  const isGone = () => {
    try {
      return readFileSync(`/proc/${child}/stat`, "utf8").includes(") Z ");
    } catch {
      return true;
    }
  };
  await expect.poll(isGone, { timeout: 30_000 }).toBe(true);
});

test("a program that others may write to is not run", async () => {
  const mark = join(directory, "mark");
  expect(await runCommand([program(`touch ${mark}`, 0o777)], 60_000)).toMatch(/is not run: others than its owner/);
  expect(() => readFileSync(mark)).toThrow();
});
