import { expect, it } from "vitest";
import { inputs, held as isHeld, nothing, patch } from "../../test/support/plan.ts";
import { rolloutPolicy } from "../domain/policy.ts";
import { newRollout, type Rollout } from "../domain/rollout.ts";
import type { PlannedPatch } from "../domain/verdict.ts";
import type { SeatsStore } from "../stores/seats.ts";
import { decideSeated } from "./seats.ts";

const [stable, edge] = ["acme/echod/stable", "acme/echod/edge"];

/** The decision of a machine of a customer with two channels, and which seats it asked for. */
async function decide(
  patches: PlannedPatch[],
  { held = [] as string[], free = [] as string[], halted = [] as string[] },
) {
  const asked: string[] = [];
  const claim: SeatsStore["claim"] = async ({ stream }) => {
    asked.push(stream);
    return free.includes(stream);
  };
  const subscriptions = [stable, edge].map((stream) => ({ stream, endsAt: null, seats: 1 }));
  const decided = { ...inputs({ held: held.map((id) => isHeld(id, "applied")), patches }), subscriptions };
  // What was kept in memory knows of no halt
  const rollouts = new Map(halted.map((id) => [id, haltedRollout(id)]));
  const decidedNow = () => Promise.resolve({ control: { ...nothing, rollouts }, mode: "auto" as const });
  const { actions } = await decideSeated({ machine: "m-1", customer: "globex" }, decided, {
    seats: { claim } as SeatsStore,
    at: 1,
    decidedNow,
  });
  return { actions: actions.map((each) => [each.do, each.patch, "because" in each ? each.because : ""]), asked };
}

function haltedRollout(id: string): Rollout {
  const rollout = newRollout({ customer: "globex", patch: id, size: 1 }, rolloutPolicy([]), 1);
  return { ...rollout, state: "halted" };
}

it("a rollout that was halted a moment ago keeps the machine from applying, whatever is kept in memory", async () => {
  const fix = `${stable}/fix@1`;
  const { actions, asked } = await decide([patch(fix)], { free: [stable], halted: [fix] });
  expect(actions).toEqual([["hold", fix, expect.stringMatching(/halt/)]]);
  expect(asked).toEqual([]);
});

it("a plan that applies nothing asks for no seat", async () => {
  const { asked } = await decide([patch(`${stable}/fix@1`)], { held: [`${stable}/fix@1`] });
  expect(asked).toEqual([]);
});

it("a machine without a seat is told so, and one with a seat applies", async () => {
  const fix = `${stable}/fix@1`;
  expect(await decide([patch(fix)], {})).toEqual({ actions: [["hold", fix, "no-seat"]], asked: [stable] });
  expect((await decide([patch(fix)], { free: [stable] })).actions).toEqual([["apply", fix, ""]]);
});

it("what one channel has no seat for comes from the other, where there is one", async () => {
  const [newer, older] = [`${stable}/fix@2`, `${edge}/fix@1`];
  const { actions, asked } = await decide([patch(newer), patch(older)], { free: [edge] });
  expect(asked).toEqual([stable, edge]);
  expect(actions).toContainEqual(["apply", older, ""]);
  expect(actions.filter(([what]) => what === "apply")).toHaveLength(1);
});

it("a recall is undone whether there is a seat or not", async () => {
  const bad = `${stable}/fix@1`;
  const { actions, asked } = await decide([patch(bad, {}, "withdrawn"), patch(`${stable}/other@1`)], { held: [bad] });
  expect(actions).toEqual([
    ["undo", bad, "recall"],
    ["hold", `${stable}/other@1`, "no-seat"],
  ]);
  expect(asked).toEqual([stable]);
});
