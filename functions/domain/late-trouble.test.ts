import { expect, it } from "vitest";
import { blamedPatch } from "./late-trouble.ts";

const day = 86_400;
const at = 100 * day;
const fix = (name: string, since: number) => ({ patch: `acme/echod/stable/${name}@1`, since });

it("an incident is put down to what was applied last before it, within two weeks, in whatever order it is told", () => {
  const old = fix("old", at - 20 * day);
  const [first, last] = [fix("first", at - 3 * day), fix("last", at - day)];
  const later = fix("later", at + 60);
  for (const applied of [
    [old, first, last, later],
    [later, last, first, old],
  ])
    expect(blamedPatch({ applied, at })).toEqual(last);
  expect(blamedPatch({ applied: [old, later], at })).toBeUndefined();
  expect(blamedPatch({ applied: [], at })).toBeUndefined();
});
