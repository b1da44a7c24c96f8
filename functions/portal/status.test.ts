import { expect, test } from "vitest";
import type { PatchState } from "../stores/states.ts";
import { conditionOf, newestKnown, patchStatus } from "./status.ts";

const id = "acme/echod/stable/bounds-check@1";
const at = Date.UTC(2026, 0, 1);
const hour = 3600 * 1000;

function received(state: PatchState["state"], when: number): PatchState {
  return { machine: "m-1", patchId: id, customer: "c", state, action: "apply", detail: "", at: when, receipt: 1 };
}

test("of what a machine said and what its receipt says, the newer counts", () => {
  const held = [{ patch: id, state: "applied" as const, since: at / 1000 }];
  expect(newestKnown(held, [received("undone", at + 1000)]).get(id)?.state).toBe("undone");
  expect(newestKnown(held, [received("undone", at - 1000)]).get(id)?.state).toBe("applied");
  expect(newestKnown(held, []).get(id)).toEqual({ state: "applied", at, detail: "" });
});

test("what happened comes before what is planned, but a patch that is about to go says so", () => {
  const applied = { state: "applied", at, detail: "" } as const;
  const apply = { do: "apply", patch: id, manifest: "0".repeat(64) } as const;
  expect(patchStatus({ ...applied, state: "blocked" }, apply)).toBe("blocked");
  expect(patchStatus(applied, { do: "undo", patch: id, because: "recall" })).toBe("undo-pending");
  expect(patchStatus(applied, { do: "undo", patch: id, because: "superseded" })).toBe("to-undo");
  expect(patchStatus({ ...applied, state: "undone" }, undefined)).toBe("undone");
  expect(patchStatus(undefined, apply)).toBe("to-apply");
  expect(patchStatus(undefined, { do: "hold", patch: id, because: "report-only" })).toBe("report-only");
  expect(patchStatus(undefined, undefined)).toBeUndefined();
});

test("a machine is told by what wants a person most, and silence hides no failure", () => {
  expect(conditionOf(["applied", "to-apply", "blocked", "failed"], at, at)).toBe("failing");
  expect(conditionOf(["applied", "to-apply", "blocked"], at, at)).toBe("attention");
  expect(conditionOf(["applied", "to-apply"], at, at)).toBe("moving");
  expect(conditionOf(["applied", "no-variant"], at, at)).toBe("patched");
  expect(conditionOf(["no-variant"], at, at + 30 * hour)).toBe("idle");
  expect(conditionOf(["applied"], at, at + 30 * hour + 1)).toBe("silent");
  expect(conditionOf(["failed"], at, at + 31 * hour)).toBe("failing");
});
