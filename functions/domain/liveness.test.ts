import { expect, it } from "vitest";
import { livenessOf } from "./liveness.ts";

it("a machine is live for 30 hours after it was seen, then stale, and silent when its seats are free", () => {
  const hour = 3600;
  expect([30 * hour, 30 * hour + 1, 14 * 24 * hour, 14 * 24 * hour + 1].map((now) => livenessOf(0, now))).toEqual([
    "live",
    "stale",
    "stale",
    "silent",
  ]);
});
