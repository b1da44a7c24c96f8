import fc from "fast-check";
import { expect, it } from "vitest";
import type { Window } from "../../protocol/wire/policy.ts";
import { windowState } from "./window.ts";

const at = (text: string) => Date.parse(text) / 1000;
const nights: Window = { timeZone: "Europe/Zurich", days: ["sat"], from: "22:00", to: "04:00" };

it("a window over midnight is open in its own zone's night, and says when it closes", () => {
  expect(windowState([nights], at("2026-11-28T20:59:00Z"))).toEqual({
    open: false,
    changesAt: at("2026-11-28T21:00:00Z"),
  });
  expect(windowState([nights], at("2026-11-29T02:59:00Z"))).toEqual({
    open: true,
    changesAt: at("2026-11-29T03:00:00Z"),
  });
  expect(windowState([nights], at("2026-11-29T03:00:00Z"))).toMatchObject({ open: false });
});

it("a window goes with its zone's change of clocks", () => {
  const daily: Window = { ...nights, days: ["sun"], from: "02:30", to: "05:00" };
  // 29 March 2026: 02:00 becomes 03:00, so 02:30 is not there
  expect(windowState([daily], at("2026-03-29T01:29:00Z")).open).toBe(false);
  expect(windowState([daily], at("2026-03-29T01:30:00Z"))).toEqual({
    open: true,
    changesAt: at("2026-03-29T03:00:00Z"),
  });
  // 25 October 2026: 03:00 becomes 02:00 again, so 02:30 comes twice
  expect(windowState([daily], at("2026-10-25T00:30:00Z"))).toEqual({
    open: true,
    changesAt: at("2026-10-25T04:00:00Z"),
  });
});

it("whatever the windows, nothing changes before the moment that is named", () => {
  const time = fc.integer({ min: 0, max: 1439 }).map((minutes) => {
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60].map((each) => String(each).padStart(2, "0"));
    return `${hours}:${rest}`;
  });
  const window: fc.Arbitrary<Window> = fc.record({
    timeZone: fc.constantFrom("UTC", "Europe/Zurich", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe"),
    days: fc.uniqueArray(fc.constantFrom("mon", "tue", "wed", "thu", "fri", "sat", "sun"), { minLength: 1 }),
    from: time,
    to: time,
  });
  const moment = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-01-01T00:00:00Z") });
  fc.assert(
    fc.property(
      fc.array(window, { minLength: 1, maxLength: 3 }),
      moment,
      fc.double({ min: 0, max: 1, noNaN: true }),
      (windows, now, part) => {
        const { open, changesAt } = windowState(windows, now);
        expect(changesAt).toBeGreaterThan(now);
        const between = now + Math.floor(((changesAt ?? now) - 1 - now) * part);
        expect(windowState(windows, between).open).toBe(open);
      },
    ),
  );
});
