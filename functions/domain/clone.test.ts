import { expect, it } from "vitest";
import { isAlternating, isCloned } from "./clone.ts";

it("two hosts with one identity are seen when a boot comes back, and reboots are not taken for it", () => {
  expect(isAlternating(["a", "b", "a"])).toBe(true);
  for (const boots of [[], ["a"], ["b", "a"], ["a", "a", "a"], ["c", "b", "a"], ["b", "b", "a"], ["b", "a", "a"]])
    expect(isAlternating(boots)).toBe(false);
});

it("an identity heals a day after its two hosts were last seen in turn", () => {
  expect([isCloned(undefined, 9), isCloned(0, 86_399), isCloned(0, 86_400)]).toEqual([false, true, false]);
});
