import fc from "fast-check";
import { expect, test } from "vitest";
import { goThrough, histories } from "../support/histories/history.ts";

/** The first of those that `test/long/elf-histories.test.ts` goes through; another SEED has others. */
const seed = Number(process.env.SEED ?? 1);

test("programs of all kinds live through what is done to them and through agents that are killed, and compute what they did before", async () => {
  await expect(
    fc.assert(fc.asyncProperty(histories, goThrough), { seed, numRuns: 4, endOnFailure: true }),
  ).resolves.toBeUndefined();
}, 120_000);
