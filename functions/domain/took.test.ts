import fc from "fast-check";
import { expect, test } from "vitest";
import { tookBucket, tookWithin } from "./took.ts";

test("a median and a 95th percentile are never below the truth and at most a fifth and a quarter of a minute above", () => {
  const millis = fc.integer({ min: 0, max: 90 * 86_400_000 });
  fc.assert(
    fc.property(fc.array(millis, { minLength: 1, maxLength: 60 }), fc.constantFrom(0.5, 0.95), (times, share) => {
      const took = new Map<number, number>();
      for (const time of times) took.set(tookBucket(time), (took.get(tookBucket(time)) ?? 0) + 1);
      const truth = times.toSorted((a, b) => a - b)[Math.ceil(share * times.length) - 1] ?? 0;
      const told = tookWithin(took, share) ?? Number.NaN;
      expect(told).toBeGreaterThanOrEqual(truth * 0.999_999);
      expect(told).toBeLessThanOrEqual(truth * 1.2 + 15_000);
    }),
  );
  expect(tookWithin(new Map(), 0.5)).toBeUndefined();
});
