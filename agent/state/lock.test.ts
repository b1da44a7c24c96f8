import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isLocked, lockState } from "./lock.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-lock-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

it("two agents never share a state directory, and the next one may come once the first has gone", () => {
  const release = lockState(directory);
  expect(() => lockState(directory)).toThrow(
    expect.objectContaining({ code: "busy-agent", data: { pid: process.pid } }),
  );
  expect(isLocked(directory)).toBe(true);
  release();
  lockState(directory)();
  expect(readdirSync(directory)).toEqual([]);
});

it("the lock of an agent that was killed is taken over, also where another process has its number now", () => {
  for (const dead of ["4194300 1", `${process.pid} 1`, ""]) {
    writeFileSync(join(directory, "lock"), dead);
    expect(isLocked(directory)).toBe(false);
    lockState(directory)();
  }
});
