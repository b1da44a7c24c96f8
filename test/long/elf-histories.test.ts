import fc from "fast-check";
import { expect, test } from "vitest";
import { goThrough, histories } from "../support/histories/history.ts";

/** `SEED=… HISTORIES=… npm run test:all -- test/long/elf-histories.test.ts` goes through others; a failure names its seed and path. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const count = Number(process.env.HISTORIES ?? 500);
const hours = 3_600_000;

test(
  "500 programs of all kinds live through what is done to them and through agents that are killed, and compute what they did before",
  async () => {
    let done = 0;
    const property = fc.asyncProperty(histories, async (history) => {
      await goThrough(history);
      done++;
      if (done % 25 === 0) console.log(`${done} histories, seed ${seed}`);
    });
    const check = fc.assert(property, { seed, numRuns: count, endOnFailure: true });
    await expect(check).resolves.toBeUndefined();
  },
  3 * hours,
);
