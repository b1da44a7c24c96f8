import { expect, it } from "vitest";
import { livenessOf } from "./liveness.ts";

const hour = 3600;
const day = 24 * hour;
const after = (times: number[], more = {}) => times.map((now) => livenessOf({ seenAt: 0, ...more }, now));

it("a machine is live for 30 hours after it was seen, then stale, silent after two weeks, and retired after 90 days", () => {
  expect(after([30 * hour, 30 * hour + 1])).toEqual(["live", "stale"]);
  expect(after([14 * day, 14 * day + 1])).toEqual(["stale", "silent"]);
  expect(after([90 * day, 90 * day + 1])).toEqual(["silent", "retired"]);
});

it("an ephemeral one is retired after three hours, and one that was retired is whatever was seen of it", () => {
  expect(after([3 * hour, 3 * hour + 1], { ephemeral: true })).toEqual(["live", "retired"]);
  expect(after([1], { retiredAt: 1 })).toEqual(["retired"]);
});
