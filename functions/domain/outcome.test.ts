import { expect, it } from "vitest";
import { causeOf, faultOf, outcomeOf } from "./outcome.ts";

it("a bundle that the service lost or damaged says nothing of the patch, whatever the machine calls it", () => {
  for (const refused of ["bundle-mismatch", "missing-blob"]) {
    const fault = faultOf({ action: "apply", evidence: { refused } });
    expect(fault).toBe("service");
    for (const state of ["failed", "stalled"] as const)
      expect(outcomeOf({ state, action: "apply", fault })).toBe("pending");
  }
  expect(faultOf({ action: "apply", evidence: { refused: "invalid-patch" } })).toBeUndefined();
  expect(faultOf({ action: "undo", evidence: { refused: "bundle-mismatch" } })).toBeUndefined();
  expect([outcomeOf({ state: "failed", action: "apply" }), causeOf({ state: "failed", action: "apply" })]).toEqual([
    "failed",
    "failed",
  ]);
});
