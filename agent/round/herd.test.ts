import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pollDelay, retryDelay } from "./due.ts";

const [agents, interval] = [1_000, 900];

/** Random numbers that a run can be repeated with (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Answer = { ok: true } | { ok: false; retryAfter: number };

/** When each agent asks, over `seconds`, as the loop of agent/loop.ts has it: polls while there is an answer, tries again while there is none. */
function arrivals(
  seconds: number,
  seed: number,
  firstAt: (agent: number) => number,
  answer: (at: number) => Answer,
): number[] {
  const random = randomOf(seed);
  return Array.from({ length: agents }, (_, agent) => {
    const times: number[] = [];
    let failures = 0;
    for (let at = firstAt(agent); at < seconds; ) {
      times.push(at);
      const said = answer(at);
      failures = said.ok ? 0 : failures + 1;
      at += said.ok ? pollDelay(interval, random()) : retryDelay(failures, interval, random(), said.retryAfter);
    }
    return times;
  }).flat();
}

/** The most that come within one window of `width` seconds from `from` on. */
function peak(times: readonly number[], from: number, width: number): number {
  const counts = new Map<number, number>();
  for (const at of times) {
    if (at < from) continue;
    const slot = Math.floor((at - from) / width);
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

const steady = (width: number) => (agents * width) / interval;

describe("a thousand agents", () => {
  it("come back after an outage, however long, no thicker than three times as they poll", () => {
    const law = (outage: number, seed: number) => {
      const [begins, ends] = [2 * interval, 2 * interval + outage];
      const first = randomOf(seed + 1);
      const away = (at: number): Answer => (at >= begins && at < ends ? { ok: false, retryAfter: 0 } : { ok: true });
      const times = arrivals(ends + 2 * interval, seed, () => first() * interval, away);
      expect(peak(times, ends, 60)).toBeLessThanOrEqual(3 * steady(60));
    };
    // Shorter ones meet agents that still try often, and fewer of them
    fc.assert(fc.property(fc.integer({ min: 3_600, max: 200_000 }), fc.nat(), law), { numRuns: 20 });
  });

  it("that were all told to wait a minute do not all come in the same ten seconds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 600 }), fc.nat(), (retryAfter, seed) => {
        const overload = (at: number): Answer => (at < 5 ? { ok: false, retryAfter } : { ok: true });
        const times = arrivals(3 * retryAfter, seed, (agent) => agent / agents, overload).filter((at) => at > 5);
        expect(Math.min(...times)).toBeGreaterThanOrEqual(retryAfter);
        expect(peak(times, 0, 10)).toBeLessThanOrEqual(agents / 4);
      }),
      { numRuns: 20 },
    );
  });

  it("that started in the same second drift apart, and each keeps the interval that the service directs", () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const times = arrivals(
          40 * interval,
          seed,
          () => 0,
          () => ({ ok: true }),
        );
        expect(peak(times, interval / 2, 60)).toBeLessThanOrEqual(agents / 2);
        expect(peak(times, 30 * interval, 60)).toBeLessThanOrEqual(3 * steady(60));
        expect(times.length / agents).toBeCloseTo(40, -1);
      }),
      { numRuns: 10 },
    );
  });
});
