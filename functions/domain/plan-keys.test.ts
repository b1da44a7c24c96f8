import { expect, it } from "vitest";
import { planKeyDue, signingKey } from "./plan-keys.ts";

const day = 86_400;
const now = 1_800_000_000;

it("a key made while the clock was ahead is nobody's successor: another is due at once, and signs", () => {
  const future = { nbf: now + 400 * day, exp: now + 430 * day };
  expect(signingKey([future], now)).toBeUndefined();
  const due = planKeyDue([future] as never, now);
  expect(due).toEqual({ nbf: now, exp: now + 30 * day });
  expect(signingKey([future, due ?? future], now)).toEqual(due);
});

it("a successor that was announced a day ahead keeps another from being made", () => {
  const last = { nbf: now - 25 * day, exp: now + 5 * day };
  const next = planKeyDue([last] as never, now);
  expect(next).toEqual({ nbf: now + day, exp: now + 31 * day });
  expect(planKeyDue([last, next] as never, now + 60)).toBeUndefined();
});
