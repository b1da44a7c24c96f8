import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { entitledUntil, isAbandoned, seatsUsed, standingOf } from "./entitlement.ts";

const day = 86_400;
const at = (text: string) => Date.parse(text) / 1000;
const term = fc.record({
  endsAt: fc.option(fc.integer({ min: 0, max: 1000 * day })),
  graceDays: fc.integer({ min: 0, max: 60 }),
  revokedAt: fc.option(fc.integer({ min: 0, max: 1000 * day }), { nil: undefined }),
});

describe("a subscription", () => {
  it("is served to its end and through its grace, and not a second longer", () => {
    const terms = { endsAt: 100 * day, graceDays: 14 };
    expect([100 * day - 1, 100 * day, 114 * day - 1, 114 * day].map((now) => standingOf(terms, now))).toEqual([
      "active",
      "grace",
      "grace",
      "ended",
    ]);
  });

  it("that is revoked ends at once, grace or not", () => {
    const revoked = { endsAt: null, graceDays: 30, revokedAt: 5 * day };
    expect([5 * day - 1, 5 * day].map((now) => standingOf(revoked, now))).toEqual(["active", "revoked"]);
  });

  it("is served exactly while its standing says so, and never comes back by itself", () => {
    fc.assert(
      fc.property(term, fc.integer({ min: 0, max: 1100 * day }), fc.nat(100 * day), (terms, now, later) => {
        const until = entitledUntil(terms);
        const served = (moment: number) => ["active", "grace"].includes(standingOf(terms, moment));
        expect(served(now)).toBe(until === null || now < until);
        if (!served(now)) expect(served(now + later)).toBe(false);
      }),
    );
  });
});

describe("a seat", () => {
  it("is taken back after the set silence, and not from a machine that has just got it", () => {
    const seat = { seatedAt: 100 * day };
    expect(isAbandoned(seat, { seenAt: 100 * day }, 114 * day)).toBe(false);
    expect(isAbandoned(seat, { seenAt: 100 * day }, 114 * day + 1)).toBe(true);
    expect(isAbandoned(seat, { seenAt: 0 }, 100 * day + 1)).toBe(false);
    expect(isAbandoned({ ...seat, releasedAt: 101 * day }, { seenAt: 0 }, 500 * day)).toBe(false);
  });

  it("counts in each month in which it was held, and in no other", () => {
    const seats = [
      { seatedAt: at("2026-10-31T23:59:59Z"), releasedAt: at("2026-11-01T00:00:00Z") },
      { seatedAt: at("2026-12-01T00:00:00Z") },
      { seatedAt: at("2026-01-05T00:00:00Z"), releasedAt: at("2026-10-30T00:00:00Z") },
    ];
    expect(["2026-09", "2026-10", "2026-11", "2026-12", "2027-01"].map((month) => seatsUsed(seats, month))).toEqual([
      1, 2, 1, 1, 1,
    ]);
  });
});
