import { expect, it } from "vitest";
import { patch, stream } from "../../test/support/plan.ts";
import { decideOfflinePlan } from "./offline-plan.ts";

const now = 1_800_000_000;
const fix = patch(`${stream}/fix@1`);
const given = {
  group: "web",
  mode: "auto" as const,
  subscriptions: [{ stream, endsAt: null }],
  control: { policies: [], pins: [], rollouts: new Map() },
  now,
};
const because = (changes: object) =>
  decideOfflinePlan({ ...given, patches: [fix], ...changes }).heldBack.map((each) => each.because);

it("a group's offline plan applies what all of it may have, and undoes what was recalled", () => {
  const bad = { ...patch(`${stream}/bad@1`), state: "withdrawn" as const };
  const old = { ...patch(`${stream}/old@1`), state: "superseded" as const };
  expect(decideOfflinePlan({ ...given, patches: [fix, bad, old] })).toEqual({
    actions: [
      { do: "apply", patch: fix.id, manifest: fix.manifestSha256 },
      { do: "undo", patch: bad.id, because: "recall" },
    ],
    heldBack: [],
  });
});

it("it holds back what a machine of the group would not be given today", () => {
  const rollout = {
    waves: [
      { share: 0.5, bakeMinutes: 1 },
      { share: 1, bakeMinutes: 1 },
    ],
    state: "running",
    wave: 0,
  };
  const rollouts = (more: object) => ({
    control: { ...given.control, rollouts: new Map([[fix.id, { ...rollout, ...more }]]) },
  });
  expect(because({})).toEqual([]);
  expect(because({ subscriptions: [{ stream, endsAt: now }] })).toEqual(["not-entitled"]);
  expect(because({ patches: [{ ...fix, vendorStopped: true }] })).toEqual(["vendor-stopped"]);
  expect(because({ patches: [{ ...fix, heldForEveryone: true }] })).toEqual(["held-for-everyone"]);
  expect(because({ mode: "report" })).toEqual(["report-only"]);
  expect(because(rollouts({}))).toEqual(["wave-not-open"]);
  expect(because(rollouts({ wave: 1 }))).toEqual([]);
  expect(because(rollouts({ state: "halted", wave: 1 }))).toEqual(["rollout-halted"]);
});
