import { describe, expect, it } from "vitest";
import type { PolicyView } from "../../protocol/wire/policy.ts";
import { facts, held, inputs, nothing, now, patch, stream } from "../../test/support/plan.ts";
import { explain } from "./explain.ts";
import { decidePlan } from "./plan.ts";
import { newRollout, type Rollout } from "./rollout.ts";
import type { Control, PlanInputs } from "./verdict.ts";

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

  it("takes a withdrawn version out and puts the earlier one in that is live again, but not beside one that cannot be taken out", () => {
    const [former, withdrawn] = [patch(`${stream}/fix@1`), patch(`${stream}/fix@2`, {}, "withdrawn")];
    const planned = (state: "applied" | "undo-pending") =>
      decidePlan(inputs({ patches: [former, withdrawn], held: [held(withdrawn.id, state)] })).actions;
    const undo = { do: "undo", patch: withdrawn.id, because: "recall" };
    expect(planned("applied")).toEqual([undo, { do: "apply", patch: former.id, manifest: former.manifestSha256 }]);
    expect(planned("undo-pending")).toEqual([undo]);
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

describe("a customer's word", () => {
  const fix = patch(`${stream}/fix@1`, { cves: ["CVE-2026-0001"] });
  const because = (more: Partial<PlanInputs>) => decidePlan(inputs({ patches: [fix], ...more }));
  const policy = (of: PolicyView["policy"], more: Partial<PolicyView> = {}): PolicyView => ({
    name: "p",
    order: 0,
    policy: of,
    ...more,
  });
  const rollout = (more: Partial<Rollout>): Control => ({
    ...nothing,
    rollouts: new Map([
      [
        fix.id,
        {
          ...newRollout(
            { customer: "globex", patch: fix.id, size: 1 },
            { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.1, onHalt: "undo" },
            0,
          ),
          ...more,
        },
      ],
    ]),
  });

  it("is judged in one order: host, everybody's hold, rollout, pin, policy, wave, window", () => {
    const closed = { timeZone: "UTC", days: ["mon" as const], from: "00:00", to: "00:01" };
    const pin = { patch: "acme/echod/fix", newest: null, until: now + 60 };
    const all: Partial<PlanInputs> = {
      held: [{ ...held(fix.id, "undone"), heldHere: true }],
      patches: [{ ...fix, heldForEveryone: true }],
      subscriptions: [{ stream, endsAt: null, seated: false }],
      control: {
        policies: [policy({ apply: "ask", windows: [closed] })],
        pins: [pin],
        rollouts: rollout({
          state: "halted",
          waves: [
            { groups: ["db"], bakeMinutes: 0 },
            { share: 1, bakeMinutes: 0 },
          ],
        }).rollouts,
      },
    };
    const seen: unknown[] = [];
    const lift = (more: Partial<PlanInputs>) => {
      Object.assign(all, more);
      seen.push(explain(inputs(all), fix.id).verdict);
    };
    const control = () => all.control ?? nothing;
    lift({});
    lift({ held: [] });
    lift({ patches: [fix] });
    lift({
      control: {
        ...control(),
        rollouts: rollout({
          waves: [
            { groups: ["db"], bakeMinutes: 0 },
            { share: 1, bakeMinutes: 0 },
          ],
        }).rollouts,
      },
    });
    lift({ control: { ...control(), pins: [] } });
    lift({ subscriptions: [{ stream, endsAt: null }] });
    lift({ control: { ...control(), policies: [policy({ windows: [closed] })] } });
    lift({ control: { ...rollout({}), policies: [policy({ windows: [closed] })] } });
    lift({ control: nothing });
    expect(seen).toEqual([
      "held-by-host",
      "held-for-everyone",
      "rollout-halted",
      "pinned",
      "no-seat",
      "awaiting-approval",
      "wave-not-open",
      "outside-window",
      "apply",
    ]);
  });

  it("is applied nowhere anew while the operator stops its vendor, and stays where it is", () => {
    const patches = [{ ...fix, vendorStopped: true }];
    expect(because({ patches }).actions).toEqual([{ do: "hold", patch: fix.id, because: "vendor-stopped" }]);
    expect(because({ patches, held: [held(fix.id, "applied")] }).actions).toEqual([]);
  });

  it("that is withdrawn is undone, unless the machine's policy keeps it until a person decides", () => {
    const given = { patches: [{ ...fix, state: "withdrawn" as const }], held: [held(fix.id, "applied")] };
    expect(because(given).actions).toEqual([{ do: "undo", patch: fix.id, because: "recall" }]);
    const control = { ...nothing, policies: [policy({ onRecall: "keep" }, { group: "web" })] };
    expect(because({ ...given, control }).actions).toEqual([{ do: "hold", patch: fix.id, because: "recall-kept" }]);
  });

  it("takes out what a halted rollout put in, also where every seat is taken", () => {
    const given = { held: [held(fix.id, "applied")], subscriptions: [{ stream, endsAt: null, seated: false }] };
    expect(because({ ...given, control: rollout({ state: "halted", undo: true }) }).actions).toContainEqual({
      do: "undo",
      patch: fix.id,
      because: "policy",
    });
    expect(because({ ...given, control: rollout({ state: "halted" }) }).actions).toEqual([]);
  });

  it("of a machine's policies the later replaces what the earlier says, and a critical patch may wait for nothing", () => {
    const policies = [
      policy({ apply: "report" }, { group: "web" }),
      policy({ apply: "ask", critical: "at-once" }, { name: "all", order: 9 }),
    ];
    const control = { ...nothing, policies };
    expect(because({ control }).actions).toEqual([{ do: "hold", patch: fix.id, because: "report-only" }]);
    const ruled = policy({ apply: "ask" }, { name: "rule", rule: { hostname: "web-*" }, order: 1 });
    const asking = { ...nothing, policies: [...policies, ruled] };
    expect(because({ control: asking }).actions).toEqual([{ do: "hold", patch: fix.id, because: "awaiting-approval" }]);
    const critical = patch(fix.id, { severity: "critical" });
    expect(because({ control: asking, patches: [critical] }).actions[0]?.do).toBe("apply");
  });

  it("leaves an older version to machines that the newer one's rollout has not reached", () => {
    const newer = patch(`${stream}/fix@2`);
    const waves = [
      { groups: ["db"], bakeMinutes: 0 },
      { share: 1, bakeMinutes: 0 },
    ];
    const given = newRollout(
      { customer: "c", patch: newer.id, size: 1 },
      { waves, failureLimit: 0, onHalt: "keep" },
      0,
    );
    const plan = because({ patches: [fix, newer], control: { ...nothing, rollouts: new Map([[newer.id, given]]) } });
    expect(plan.actions).toEqual([
      { do: "apply", patch: fix.id, manifest: fix.manifestSha256 },
      { do: "hold", patch: newer.id, because: "wave-not-open" },
    ]);
  });
});
