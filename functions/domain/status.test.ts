import { expect, test } from "vitest";
import type { OutcomeCode } from "../../protocol/wire/host.ts";
import { outcomeOf } from "./outcome.ts";
import { conditionOf, isOnHost, isOpen, isPatched, newestKnown, patchStatus } from "./status.ts";

const id = "acme/echod/stable/bounds-check@1";
const at = Date.UTC(2026, 0, 1);
const hour = 3600 * 1000;

function received(state: OutcomeCode, when: number): Parameters<typeof newestKnown>[1][number] {
  return { patchId: id, state, detail: "", at: when };
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

test("a patch that some process of a machine lacks is there and open at once, and wants attention", () => {
  const partial = { patched: 3, skipped: 1, reasons: { blocked: 1 } };
  const said = { ...received("applied", at), partial };
  const held = [{ patch: id, state: "applied" as const, since: (at + 1000) / 1000 }];
  const known = newestKnown(held, [said]).get(id);
  expect(patchStatus(known, undefined)).toBe("partial");
  expect(patchStatus(known, { do: "undo", patch: id, because: "superseded" })).toBe("to-undo");
  expect([isOnHost("partial"), isOpen("partial"), isPatched("partial")]).toEqual([true, true, false]);
  expect(conditionOf(["applied", "partial"], { seenAt: at, engines: [] }, at)).toBe("attention");
  expect(outcomeOf({ state: "applied", action: "apply", partial })).toBe("partial");
  expect(outcomeOf({ state: "applied", action: "apply", partial, trouble: { kind: "crash-loop" } })).toBe("failed");
  expect(outcomeOf({ state: "undone", action: "undo", partial })).toBe("undone");
});

test("a machine is told by what wants a person most, and silence hides no failure", () => {
  const engines = [{ name: "elf" as const, supported: true, reason: "" }];
  const seen = { seenAt: at, engines };
  expect(conditionOf(["applied", "to-apply", "blocked", "failed"], seen, at)).toBe("failing");
  expect(conditionOf(["applied", "to-apply", "blocked"], seen, at)).toBe("stalled");
  expect(conditionOf(["applied", "pinned"], seen, at)).toBe("attention");
  expect(conditionOf(["kernel-ended", "pinned"], seen, at)).toBe("needs-reboot");
  expect(conditionOf(["applied", "to-apply"], seen, at)).toBe("moving");
  expect(conditionOf(["applied", "no-variant"], seen, at)).toBe("patched");
  expect(conditionOf(["no-variant"], seen, at + 30 * hour)).toBe("idle");
  expect(conditionOf(["applied"], seen, at + 30 * hour + 1)).toBe("silent");
  const refusal = { of: "plan" as const, name: "", code: "plan-invalid" as const, detail: "", since: 1, last: 1 };
  const refusing = { ...seen, refusals: [refusal] };
  expect(conditionOf(["failed"], refusing, at)).toBe("refusing");
  expect(conditionOf(["applied"], { ...seen, refusals: [{ ...refusal, over: 2 }] }, at)).toBe("patched");
  expect(conditionOf(["applied"], refusing, at + 31 * hour)).toBe("silent");
  expect(conditionOf(["failed"], seen, at + 31 * hour)).toBe("failing");
  expect(conditionOf([], { seenAt: at, engines: [{ name: "klp", supported: false, reason: "too old" }] }, at)).toBe(
    "unsupported",
  );
});
