import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { memoryGiver } from "./memory.ts";

test("pages that are as in their files are given back, and what needs them goes on", () => {
  const give = memoryGiver();
  // all of it once, as a program's start does
  JSON.parse(JSON.stringify({ at: new Date(0).toLocaleString("de") }));
  const before = residentFile();
  give();
  const after = residentFile();
  expect(after).toBeLessThan(before / 2);
  expect(new Date(0).toLocaleString("en", { timeZone: "UTC" })).toContain("1970");
});

/** KiB */
function residentFile(): number {
  return Number(/^RssFile:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}
