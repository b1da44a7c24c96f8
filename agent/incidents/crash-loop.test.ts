import { expect, it } from "vitest";
import type { SeenProgram } from "../state/sightings.ts";
import { isRestless, lookAtProgram, newProgram } from "./crash-loop.ts";

/** What of a program was seen over time: at each moment (seconds) when its processes had been started. Answers when it was in a loop. */
function loopsOf(
  looks: readonly (readonly [now: number, ...startedAt: number[]])[],
  program: SeenProgram = newProgram,
) {
  const loops: number[] = [];
  for (const [now, ...started] of looks) {
    const leaders = started.map((startedAt) => ({ pid: startedAt + 1, startedAt }));
    const seen = lookAtProgram(program, leaders, now);
    program = seen.program;
    if (seen.isLooping) loops.push(now);
  }
  return loops;
}
const steady = [100, 0] as const;
const lives = (count: number, from: number, apart: number) =>
  Array.from({ length: count }, (_, at) => [from + at * apart, from + at * apart - 1] as const);

it("five short lives of what had run steadily are a crash loop, told once an hour for as long as it goes on", () => {
  expect(loopsOf([steady, ...lives(5, 110, 5)])).toEqual([]);
  expect(loopsOf([steady, ...lives(6, 110, 5)])).toEqual([135]);
  expect(loopsOf([steady, ...lives(900, 110, 5)])).toEqual([135, 3735]);
});

it("restarts by hand, helpers beside a steady process, and programs that never stay are none", () => {
  expect(loopsOf([steady, ...lives(4, 110, 5), [200, 129], [400, 399], [500, 499]])).toEqual([]);
  expect(loopsOf([steady, ...lives(50, 110, 5).map(([now, started]) => [now, 0, started] as const)])).toEqual([]);
  expect(loopsOf(lives(50, 110, 5))).toEqual([]);
  expect(loopsOf([steady, ...lives(50, 110, 300)])).toEqual([]);
});

it("a program of which a process just ended is looked at closely for a minute", () => {
  const { program } = lookAtProgram({ ...newProgram, leaders: [{ pid: 1, startedAt: 0 }] }, [], 100);
  expect([isRestless(newProgram, 100), isRestless(program, 159), isRestless(program, 160)]).toEqual([
    false,
    true,
    false,
  ]);
});
