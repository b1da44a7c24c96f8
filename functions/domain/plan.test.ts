import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePatchId } from "../../protocol/wire/names.ts";
import { checkInBy } from "./check-in-by.ts";
import { decidePlan, type PlanInputs, type PlannedPatch } from "./plan.ts";

const now = 1_800_000_000;
const buildId = "aabbccdd";
const stream = "acme/echod/stable";
const facts: PlanInputs["facts"] = {
  hostname: "web-1",
  os: "linux",
  arch: "x86_64",
  kernel: "6.1",
  bootId: "b",
  agent: "1",
  builds: [{ buildId, path: "/usr/bin/echod", processes: 1 }],
  engines: [{ name: "elf", supported: true, reason: "" }],
};

function patch(
  id: string,
  more: Partial<PlannedPatch["manifest"]> = {},
  state: PlannedPatch["state"] = "live",
): PlannedPatch {
  const { product, channel, patch: name, version } = parsePatchId(id);
  const digest = "0".repeat(64);
  const bundle = { sha256: digest, size: 1, encoding: "zstd" as const, payload: { sha256: digest, size: 1 } };
  const variant = {
    engine: "elf" as const,
    functions: [{ name: "f", replacement: "g" }],
    match: { buildId, arch: "x86_64" as const },
    bundle,
  };
  const manifest: PlannedPatch["manifest"] = {
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
    variants: [variant],
    ...more,
  };
  return { id, stream: id.slice(0, id.lastIndexOf("/")), manifest, manifestSha256: "1".repeat(64), state };
}

const inputs = (more: Partial<PlanInputs>): PlanInputs => ({
  facts,
  held: [],
  mode: "auto",
  subscriptions: [{ stream, endsAt: null }],
  patches: [],
  now,
  ...more,
});
const held = (id: string, state: PlanInputs["held"][number]["state"], since = now - 7200) => ({
  patch: id,
  state,
  since,
});

describe("a plan", () => {
  it("applies the newest version alone, after what it requires", () => {
    const base = patch(`${stream}/base@1`);
    const old = patch(`${stream}/fix@1`);
    const fix = patch(`${stream}/fix@2`, { requires: ["base@1"] });
    const { actions } = decidePlan(inputs({ patches: [old, fix, base] }));
    expect(actions.map((action) => [action.do, action.patch])).toEqual([
      ["apply", base.id],
      ["apply", fix.id],
    ]);
  });

  it("holds a patch whose requirement is nowhere, and says so", () => {
    const fix = patch(`${stream}/fix@2`, { requires: ["base@1"] });
    const { actions } = decidePlan(inputs({ patches: [fix] }));
    expect(actions).toEqual([{ do: "hold", patch: fix.id, because: "waiting-for-requirement" }]);
  });

  it("undoes a withdrawn patch, even when the subscription has ended", () => {
    const fix = patch(`${stream}/fix@1`, {}, "withdrawn");
    const ended = [{ stream, endsAt: now - 1 }];
    const { actions } = decidePlan(inputs({ patches: [fix], subscriptions: ended, held: [held(fix.id, "applied")] }));
    expect(actions).toEqual([{ do: "undo", patch: fix.id, because: "recall" }]);
  });

  it("undoes what a new version replaces, before it applies that", () => {
    const fix = patch(`${stream}/fix@2`);
    const old = patch(`${stream}/fix@1`);
    const { actions } = decidePlan(inputs({ patches: [old, fix], held: [held(old.id, "applied")] }));
    expect(actions.map((action) => action.do)).toEqual(["undo", "apply"]);
  });

  it("tells a reboot that is due from a patch that was never for this kernel, and since when", () => {
    const digest = "0".repeat(64);
    const bundle = { sha256: digest, size: 1, encoding: "zstd" as const, payload: { sha256: digest, size: 1 } };
    const klp = { engine: "klp" as const, module: "fix", replace: true, objects: ["vmlinux" as const], signed: false };
    const match = { kernel: "6.1.0-56", arch: "x86_64" as const };
    const variants = [{ ...klp, taint: 45_056, stallSeconds: 60, match, bundle }];
    const engines = [{ name: "klp" as const, supported: true, reason: "" }];
    const fix = patch(`${stream}/fix@1`, { variants, ended: [{ kernel: "6.1.0-40", at: "2026-10-01T00:00:00Z" }] });
    const decide = (more: Partial<typeof facts>) =>
      decidePlan(inputs({ patches: [fix], facts: { ...facts, engines, ...more } })).actions;
    const hold = { do: "hold", patch: fix.id };
    const waitingKernel = { release: "6.1.0-56", since: now - 60 };
    expect(decide({ kernel: "6.1.0-55" })).toEqual([{ ...hold, because: "no-variant" }]);
    expect(decide({ kernel: "6.1.0-40" })).toEqual([{ ...hold, because: "kernel-ended", since: 1_790_812_800 }]);
    expect(decide({ kernel: "6.1.0-40", waitingKernel })).toEqual([
      { ...hold, because: "kernel-not-booted", since: now - 60 },
    ]);
    expect(decide({ kernel: "6.1.0-56" })).toMatchObject([{ do: "apply" }]);
    const signed = { signatures: "required" as const, loaded: [] };
    expect(decide({ kernel: "6.1.0-56", livepatch: signed })).toEqual([{ ...hold, because: "no-variant" }]);
  });

  it("tries a patch that stalled again after a quarter of an hour, and asks for a check-in then", () => {
    const fix = patch(`${stream}/fix@1`);
    const stalled = (since: number) => decidePlan(inputs({ patches: [fix], held: [held(fix.id, "stalled", since)] }));
    expect(stalled(now - 60).actions).toEqual([{ do: "hold", patch: fix.id, because: "stalled-before" }]);
    expect(stalled(now - 60).checkInBy).toBeLessThanOrEqual(now - 60 + 900);
    expect(stalled(now - 900).actions).toMatchObject([{ do: "apply" }]);
  });

  it("gives a host without the build nothing but the reason, and a reporting group likewise", () => {
    const fix = patch(`${stream}/fix@1`);
    const other = { ...facts, builds: [{ buildId: "00112233", path: "/x", processes: 1 }] };
    expect(decidePlan(inputs({ patches: [fix], facts: other })).actions).toEqual([
      { do: "hold", patch: fix.id, because: "no-variant" },
    ]);
    expect(decidePlan(inputs({ patches: [fix], mode: "report" })).actions).toEqual([
      { do: "hold", patch: fix.id, because: "report-only" },
    ]);
  });

  it("leaves a quarantined patch alone, and tries a failed one again after an hour", () => {
    const fix = patch(`${stream}/fix@1`);
    const plan = (state: "quarantined" | "failed", since: number) =>
      decidePlan(inputs({ patches: [fix], held: [held(fix.id, state, since)] }));
    expect(plan("quarantined", 0).actions[0]).toMatchObject({ do: "hold", because: "quarantined" });
    expect(plan("failed", now - 60)).toMatchObject({ actions: [{ because: "failed-before" }], checkInBy: now + 3540 });
    expect(plan("failed", now - 3601).actions[0]?.do).toBe("apply");
  });
});

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
    })
    .map(({ patches, streams, ended, heldStates, age }) =>
      inputs({
        patches,
        subscriptions: streams.map((each) => ({ stream: each, endsAt: ended ? now : null })),
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

  it("the next check-in is in the future and within a day", () => {
    fc.assert(
      fc.property(anyInputs, fc.boolean(), (given, applying) => {
        const by = checkInBy(given, { applying, retries: [] });
        expect(by).toBeGreaterThan(now);
        expect(by).toBeLessThanOrEqual(now + 86_400);
      }),
    );
  });
});

function keyOf(id: string): string {
  const { product, patch: name, version } = parsePatchId(id);
  return `${product}/${name}@${version}`;
}
