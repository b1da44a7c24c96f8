import { expect, it } from "vitest";
import { changedPlace, fitsFilter } from "./bulk.ts";

const day = 86_400;
const web = { group: "web", tags: ["eu", "canary"], hostname: "web-1.example.com", seenAt: 100 * day };

it("a filter means the machines that fit all that it says", () => {
  const fits = (filter: object) => fitsFilter(web, filter, 107 * day);
  expect([{ group: "web" }, { tags: ["eu"] }, { hostname: "web-" }, { silentForDays: 7 }].map(fits)).toEqual(
    Array(4).fill(true),
  );
  expect([{ group: "db" }, { tags: ["eu", "us"] }, { hostname: "eb-" }, { silentForDays: 8 }].map(fits)).toEqual(
    Array(4).fill(false),
  );
  expect(fits({ group: "web", silentForDays: 8 })).toBe(false);
});

it("a change that changes nothing is none", () => {
  expect(changedPlace(web, { group: "web", addTags: ["eu"], removeTags: ["us"] })).toBeUndefined();
  expect(changedPlace(web, { removeTags: ["canary"], addTags: ["us"] })).toEqual({ group: "web", tags: ["eu", "us"] });
  expect(changedPlace(web, { group: "db" })).toEqual({ group: "db", tags: ["eu", "canary"] });
});
