import { expect, it } from "vitest";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { rolloutPolicy } from "../domain/policy.ts";
import { newRollout, type Rollout } from "../domain/rollout.ts";
import type { PlannedPatch } from "../domain/verdict.ts";
import type { SeatsStore } from "../stores/seats.ts";
import { decideSeated } from "./seats.ts";

const buildId = "ab".repeat(20);
const digest = "0".repeat(64);
const [stable, edge] = ["acme/echod/stable", "acme/echod/edge"];

function patch(id: string, state: PlannedPatch["state"] = "live"): PlannedPatch {
  const { product, channel, patch: name, version } = parsePatchId(id);
  return {
    id,
    stream: id.slice(0, id.lastIndexOf("/")),
    manifestSha256: digest,
    state,
    manifest: {
      manifest: 1,
      product,
      channel,
      patch: name,
      version,
      title: "fix",
      severity: "high",
      cves: [],
      supersedes: [],
      requires: [],
      health: { windowSeconds: 5, checks: [] },
      variants: [
        {
          engine: "elf",
          functions: [{ name: "f", replacement: "g" }],
          match: { buildId, arch: "x86_64" },
          bundle: { sha256: digest, size: 1, encoding: "zstd", payload: { sha256: digest, size: 1 } },
        },
      ],
    },
  };
}

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
  const inputs = {
    machine: { id: "m-1", group: "web", tags: [] },
    facts: {
      hostname: "web-1",
      os: "linux",
      arch: "x86_64",
      kernel: "6.1",
      bootId: "b",
      agent: "1",
      builds: [{ buildId, path: "/usr/bin/echod", processes: 1 }],
      engines: [{ name: "elf" as const, supported: true, reason: "" }],
    },
    held: held.map((id) => ({ patch: id, state: "applied" as const, since: 1 })),
    mode: "auto" as const,
    subscriptions: [stable, edge].map((stream) => ({ stream, endsAt: null, seats: 1 })),
    patches,
    control: { policies: [], pins: [], rollouts: new Map() },
    now: 1_800_000_000,
  };
  const seats = { claim } as SeatsStore;
  // What was kept in memory knows of no halt
  const rollouts = new Map(halted.map((id) => [id, haltedRollout(id)]));
  const currentControl = () => Promise.resolve({ ...inputs.control, rollouts });
  const { actions } = await decideSeated({ machine: "m-1", customer: "globex" }, inputs, {
    seats,
    at: 1,
    currentControl,
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
  const { actions, asked } = await decide([patch(bad, "withdrawn"), patch(`${stable}/other@1`)], { held: [bad] });
  expect(actions).toEqual([
    ["undo", bad, "recall"],
    ["hold", `${stable}/other@1`, "no-seat"],
  ]);
  expect(asked).toEqual([stable]);
});
