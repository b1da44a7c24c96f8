import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { exposureOf, fitted, type IndexedMachine, rowOf, toMachine } from "./rows.ts";

test("of the most patches that a host may name, in the longest words, what is left in its row is what is open and severe", () => {
  const standings: IndexedMachine["standings"] = Object.fromEntries(
    Array.from({ length: 2000 }, (_, at) => [
      `v/srv/stable/${randomBytes(100).toString("hex")}@1`,
      {
        status: at === 1999 ? "to-apply" : "applied",
        severity: at === 1999 ? "critical" : "low",
        detail: "x".repeat(500),
      },
    ]),
  );
  const machine: IndexedMachine = {
    customer: "c",
    machine: "m",
    hostname: "h",
    group: "g",
    os: "linux",
    kernel: "6",
    condition: "moving",
    isSilent: false,
    seenAt: 1,
    revision: 1,
    standings,
  };
  const kept = fitted(machine);
  expect(Buffer.byteLength(JSON.stringify(rowOf(kept)))).toBeLessThan(400 * 1024);
  expect(Object.keys(kept.standings).length).toBeGreaterThan(500);
  expect(exposureOf(kept)).toBe("critical");
  expect(toMachine(rowOf(kept))).toEqual(kept);
});
