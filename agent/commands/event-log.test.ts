import { expect, it } from "vitest";
import type { AgentEvent } from "../agent.ts";
import { eventLog, isJournal } from "./event-log.ts";

const away: AgentEvent = { event: "trouble", code: "unreachable", detail: "no\nway", retryInSeconds: 30 };

it("says the same trouble five times in ten minutes, then how often it came, and lets nothing else wait", () => {
  const lines: string[] = [];
  let time = Date.parse("2026-11-25T12:00:00Z");
  const log = eventLog((line) => lines.push(line), { isJournal: false, now: () => time });
  for (let tries = 0; tries < 200; tries++, time += 10_000) log(away);
  const troubles = lines.filter((line) => line.includes("trouble"));
  // 2,000 seconds: four windows
  expect(troubles.length).toBe(4 * 5);
  expect(troubles[5]).toMatch(/\(\d+ more like it were left out\)\n$/);
  const said = troubles
    .map((line) => Number(/\((\d+) more/.exec(line)?.[1] ?? 0) + 1)
    .reduce((sum, each) => sum + each);
  expect(said).toBeGreaterThan(150);
  log({ event: "trouble", code: "clock-skew", detail: "late", retryInSeconds: 30 });
  log({ event: "applying", patch: "acme/echod/stable/fix@1" });
  expect(lines.slice(-2).join("")).toMatch(/clock-skew.*\n.*applying/);
});

it("into the journal each line has its priority and no time of its own, and is one line", () => {
  const lines: string[] = [];
  const log = eventLog((line) => lines.push(line), { isJournal: true, now: () => 0 });
  log(away);
  log({ event: "stale", verifiedAt: "2026-11-25T12:00:00.000Z" });
  log({ event: "stopped" });
  log({ event: "applied", patch: "p", action: "apply", detail: "in", ms: 3, pauseMicros: 70 });
  expect(lines.map((line) => line.slice(0, 3))).toEqual(["<4>", "<3>", "<6>", "<5>"]);
  expect(lines[0]).toBe("<4>trouble (unreachable): no way; next try in 30 s\n");
  expect(isJournal({})).toBe(false);
  expect(isJournal({ JOURNAL_STREAM: "1:2" })).toBe(false);
});
