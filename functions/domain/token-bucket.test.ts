import fc from "fast-check";
import { expect, it } from "vitest";
import { type Bucket, take } from "./token-bucket.ts";

it("over any time no more is let through than the burst and what the time brings, and who waits as told gets through", () => {
  const moments = fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { maxLength: 200 });
  fc.assert(
    fc.property(moments, fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10 }), (gaps, burst, perSecond) => {
      const rate = { burst, perSecond };
      let [bucket, now, passed]: [Bucket | undefined, number, number] = [undefined, 0, 0];
      for (const gap of gaps) {
        now += gap;
        const { wait, ...after } = take(bucket, rate, now);
        bucket = after;
        if (wait === 0) passed++;
        else expect(take(after, rate, now + wait).wait).toBe(0);
      }
      expect(passed).toBeLessThanOrEqual(burst + now * perSecond + 1e-6);
    }),
  );
});

it("a clock that is set back neither fills a bucket nor locks anybody out", () => {
  const rate = { burst: 1, perSecond: 1 };
  const { wait: _, ...empty } = take(undefined, rate, 1000);
  const back = take(empty, rate, 500);
  expect(back.wait).toBe(1);
  expect(take(back, rate, 501).wait).toBe(0);
});
