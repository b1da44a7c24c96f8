import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { replaces } from "../../protocol/replaces.ts";
import { parsePatchId } from "../../protocol/wire/names.ts";
import type { Policy } from "../../protocol/wire/policy.ts";
import { held, inputs, now, patch } from "../../test/support/plan.ts";
import { decidePlan } from "./plan.ts";
import { newRollout, noCounts, openWave, type Rollout } from "./rollout.ts";
import type { Control, PlannedPatch } from "./verdict.ts";

describe("whatever the inputs", () => {
  const name = fc.constantFrom("a", "b", "c");
  const anyPatch = fc
    .record({
      product: fc.constantFrom("echod", "other"),
      channel: fc.constantFrom("edge", "stable"),
      patch: name,
      version: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom("live", "live", "withdrawn", "superseded") as fc.Arbitrary<PlannedPatch["state"]>,
      requires: fc.array(fc.constantFrom("a@1", "b@2", "c@3"), { maxLength: 1 }),
      supersedes: fc.array(fc.constantFrom("a@1", "b@2", "c@3"), { maxLength: 1 }),
    })
    .map(({ product, channel, patch: of, version, state, ...more }) =>
      patch(`acme/${product}/${channel}/${of}@${version}`, more, state),
    );
  const anyInputs = fc
    .record({
      patches: fc.uniqueArray(anyPatch, { selector: (each) => each.id, maxLength: 12 }),
      streams: fc.subarray(["acme/echod/edge", "acme/echod/stable", "acme/other/stable"]),
      ended: fc.boolean(),
      heldStates: fc.array(
        fc.constantFrom("applied", "failed", "quarantined", "undone", "blocked") as fc.Arbitrary<"applied">,
        {
          maxLength: 12,
        },
      ),
      age: fc.integer({ min: 0, max: 100_000 }),
      seated: fc.boolean(),
      ephemeral: fc.boolean(),
      waves: fc.constantFrom<Policy["waves"][]>(
        [{ share: 1, bakeMinutes: 30 }],
        [
          { groups: ["db"], share: 0.3, bakeMinutes: 10 },
          { share: 1, bakeMinutes: 0 },
        ],
      ),
      rolloutState: fc.constantFrom("running", "halted", "done", "none") as fc.Arbitrary<Rollout["state"] | "none">,
      undo: fc.boolean(),
      window: fc.constantFrom<Policy["windows"][]>(
        [],
        [{ timeZone: "Europe/Zurich", days: ["fri"], from: "22:00", to: "04:00" }],
      ),
      pinnedFor: fc.integer({ min: -10, max: 90_000 }),
    })
    .map(
      ({ patches, streams, ended, heldStates, age, seated, ephemeral, waves, rolloutState, undo, window, pinnedFor }) =>
        inputs({
          machine: { id: "m-1", group: "web", tags: [], ephemeral },
          patches,
          control: {
            policies: [{ name: "all", order: 0, policy: { waves, windows: window } }],
            pins: [{ patch: "acme/echod/a", newest: 1, until: now + pinnedFor }],
            rollouts: new Map(
              rolloutState === "none"
                ? []
                : patches.map(({ id }) => {
                    const begun = newRollout(
                      { customer: "c", patch: id, size: 9 },
                      { waves, failureLimit: 0.1, onHalt: "undo" },
                      0,
                    );
                    return [id, { ...begun, state: rolloutState, undo: undo && rolloutState === "halted" }];
                  }),
            ),
          },
          subscriptions: streams.map((each) => ({ stream: each, endsAt: ended ? now : null, seated })),
          held: heldStates.flatMap((state, at) => (patches[at] ? [held(patches[at].id, state, now - age)] : [])),
        }),
    );

  it("nothing is applied that is withdrawn, unentitled, on the host already, or before what it requires", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const { actions } = decidePlan(given);
        const running = new Set(given.subscriptions.filter((each) => each.endsAt === null).map((each) => each.stream));
        const present = new Set(given.held.filter((each) => each.state === "applied").map((each) => keyOf(each.patch)));
        for (const action of actions) {
          if (action.do !== "apply") continue;
          const of = given.patches.find((each) => each.id === action.patch);
          expect(of?.state).toBe("live");
          expect(running.has(of?.stream ?? "")).toBe(true);
          expect(present.has(keyOf(action.patch))).toBe(false);
          const product = parsePatchId(action.patch).product;
          for (const required of of?.manifest.requires ?? []) expect(present.has(`${product}/${required}`)).toBe(true);
          present.add(keyOf(action.patch));
        }
      }),
    );
  });

  it("every withdrawn patch on the host is undone, and the same inputs give the same plan", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const { actions } = decidePlan(given);
        expect(decidePlan(given).actions).toEqual(actions);
        for (const { patch: id, state } of given.held) {
          const withdrawn = given.patches.find((each) => each.id === id)?.state === "withdrawn";
          if (withdrawn && state === "applied")
            expect(actions).toContainEqual({ do: "undo", patch: id, because: "recall" });
        }
      }),
    );
  });

  it("no seat stands before an undo: whatever goes with every seat free goes with none", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const undone = (seated: boolean) => {
          const subscriptions = given.subscriptions.map((each) => ({ ...each, seated }));
          const { actions } = decidePlan({ ...given, subscriptions });
          return actions.filter((each) => each.do === "undo" && each.because !== "superseded");
        };
        expect(undone(false)).toEqual(undone(true));
      }),
    );
  });

  it("the next check-in is in the future and within a day, and until then time alone changes no decision", () => {
    fc.assert(
      fc.property(anyInputs, fc.double({ min: 0, max: 1, noNaN: true }), (given, part) => {
        const { actions, checkInBy } = decidePlan(given);
        expect(checkInBy).toBeGreaterThan(now);
        expect(checkInBy).toBeLessThanOrEqual(now + (given.machine.ephemeral ? 3600 : 86_400));
        const between = now + Math.floor((checkInBy - 1 - now) * part);
        expect(decidePlan({ ...given, now: between }).actions).toEqual(actions);
      }),
    );
  });

  it("no two patches of which one replaces the other are left on the host together", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const { actions } = decidePlan(given);
        const idsOf = (kind: string) => actions.filter((each) => each.do === kind).map((each) => each.patch);
        const applied = idsOf("apply");
        const stay = given.held.filter(({ state }) => state === "applied").map((each) => each.patch);
        const after = [...stay.filter((id) => !idsOf("undo").includes(id)), ...applied];
        for (const id of applied) {
          const of = given.patches.find((each) => each.id === id);
          if (of !== undefined) expect(after.filter((other) => replaces(of, other))).toEqual([]);
        }
      }),
    );
  });

  it("an open wave stays open: what a machine is given in one it is given in every later one", () => {
    fc.assert(
      fc.property(anyInputs, (given) => {
        const rollouts = [...given.control.rollouts].map(([id, rollout]) => [id, rollout as Rollout] as const);
        if (rollouts.some(([, { state }]) => state !== "running")) return;
        const change = { by: "gates", at: 0, counts: noCounts };
        const later = new Map(rollouts.map(([id, each]) => [id, openWave(each, 9, change)]));
        const verdicts = (control: Control) => decidePlan({ ...given, control }).judgements;
        const after = verdicts({ ...given.control, rollouts: later });
        for (const [id, { verdict }] of verdicts(given.control)) {
          if (verdict === "apply") expect(["apply", "replaced"]).toContain(after.get(id)?.verdict);
        }
      }),
    );
  });
});

function keyOf(id: string): string {
  const { product, patch: name, version } = parsePatchId(id);
  return `${product}/${name}@${version}`;
}
