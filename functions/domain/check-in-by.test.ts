import { expect, it } from "vitest";
import { checkInBy } from "./check-in-by.ts";

const now = 1_000_000;
const wait = (state: string, age: number, heldHere?: true) => {
  const held = [{ patch: "acme/echod/stable/fix@1", state, since: now - age, heldHere }];
  return checkInBy({ now, held, subscriptions: [], acting: false, decisions: [], bakes: new Map() }) - now;
};
const day = 86_400;

it("a blocked patch is tried again within a minute, then less and less often, up to a quarter of an hour", () => {
  expect([0, 60, 240, 800, 2400, 3600, day].map((age) => wait("blocked", age))).toEqual([
    60, 60, 60, 200, 600, 900, 900,
  ]);
  // Nor does a clock that is ahead put it off
  expect(wait("blocked", -day)).toBe(60);
  expect(wait("blocked", day, true)).toBe(day);
});
