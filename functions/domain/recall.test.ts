import { expect, it } from "vitest";
import { isStopped, recallProgress } from "./recall.ts";

const recalledAt = 1_000_000_000;

it("a machine has undone a recalled patch when it says so, and not before", () => {
  const applied = { state: "applied", action: "apply", at: recalledAt - 5000 } as const;
  expect(recallProgress(applied, recalledAt)).toEqual({ state: "undo-pending" });
  expect(recallProgress({ state: "undo-pending", action: "undo", at: recalledAt + 1000 }, recalledAt)).toEqual({
    state: "undo-pending",
  });
  expect(recallProgress({ state: "undo-pending", action: "apply", at: recalledAt }, recalledAt)).toEqual({
    state: "undo-pending",
  });
  const undone = { state: "undone", action: "undo" } as const;
  expect(recallProgress({ ...undone, at: recalledAt + 417_000 }, recalledAt)).toEqual({
    state: "undone",
    seconds: 417,
  });
  // Its clock is a little behind
  expect(recallProgress({ ...undone, at: recalledAt - 60_000 }, recalledAt)).toEqual({ state: "undone", seconds: 0 });
});

it("a machine that had not got the patch when it was recalled does not count", () => {
  expect(recallProgress({ state: "undone", action: "undo", at: recalledAt - 3_600_000 }, recalledAt)).toBeUndefined();
  expect(recallProgress({ state: "not-applicable", action: "apply", at: recalledAt }, recalledAt)).toBeUndefined();
  expect(recallProgress({ state: "failed", action: "apply", at: recalledAt }, recalledAt)).toBeUndefined();
});

it("a stop holds at once, and its end once it is public", () => {
  const stop = { kind: "stop", vendor: "acme" };
  expect(isStopped("acme", [])).toBe(false);
  expect(isStopped("acme", [stop])).toBe(true);
  expect(isStopped("other", [stop])).toBe(false);
  expect(isStopped("acme", [stop, { kind: "lift", vendor: "acme" }])).toBe(true);
  expect(isStopped("acme", [stop, { kind: "lift", vendor: "acme", publicAt: 1 }])).toBe(false);
  expect(isStopped("acme", [stop, { kind: "lift", vendor: "acme", publicAt: 1 }, stop])).toBe(true);
});
