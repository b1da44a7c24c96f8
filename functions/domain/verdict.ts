import { kernelVerdict, matchingVariants } from "../../protocol/match.ts";
import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import type { HoldReason } from "../../protocol/wire/plan.ts";
import type { PolicyView } from "../../protocol/wire/policy.ts";
import { clonedUntil, isCloned } from "./clone.ts";
import { type Pin, pinFor } from "./pin.ts";
import { type PlannedMachine, policyFor, rolloutPolicy } from "./policy.ts";
import { type Rollout, waveOf } from "./rollout.ts";
import { windowState } from "./window.ts";

/** A patch as the plan sees it. `stream` is `vendor/product/channel`. */
export type PlannedPatch = {
  id: string;
  stream: string;
  manifest: Manifest;
  manifestSha256: string;
  state: "live" | "superseded" | "withdrawn";
  /** the vendor halted it, or three customers did: nobody gets it until the vendor answers */
  heldForEveryone?: boolean;
  /** the operator stopped the vendor: nothing of it is applied anew, anywhere */
  vendorStopped?: boolean;
};

/** What a customer decides: its policies, its pins, and its rollouts by patch. */
export type Control = {
  policies: readonly PolicyView[];
  pins: readonly Pin[];
  rollouts: ReadonlyMap<string, Pick<Rollout, "waves" | "state" | "wave" | "undo" | "approvedBy">>;
};

/** Everything that a plan is decided from. Times are seconds since the epoch. */
export type PlanInputs = {
  machine: Omit<PlannedMachine, "facts"> & { clonedAt?: number | undefined; ephemeral?: boolean };
  facts: HostFacts;
  /** what the machine says that it holds */
  held: readonly HeldPatch[];
  /** what the machine's group does unless a policy says otherwise: `auto` applies by itself, `report` only tells */
  mode: "auto" | "report";
  /** the customer's subscriptions; `endsAt` null has no end; `seated` false where every seat is another machine's */
  subscriptions: readonly { stream: string; endsAt: number | null; seated?: boolean }[];
  /** the patches of those streams, and of the streams of what is held */
  patches: readonly PlannedPatch[];
  control: Control;
  now: number;
};

/** Why a patch is or is not to be applied. `replaced`, `superseded` and `withdrawn` need no words in a plan. */
export type Verdict = "apply" | "there" | "withdrawn" | "superseded" | "replaced" | HoldReason;
/** A verdict, and when time alone changes it (seconds since the epoch). */
export type Judgement = { verdict: Verdict; changesAt?: number };

/** A patch that failed is tried again after this: the cause may have been the moment's. */
const retryFailedAfter = 3600;
/** A patch that stalled found tasks in the old code for its whole deadline: they may have left a little later. */
const retryStalledAfter = 900;

/**
 * Judges patches for one machine, each by itself, in the written order of precedence (docs/rollouts.md): the first that objects
 * has the word.
 * @param onHost the ids of the patches that are in effect there
 * @param fits whether a patch is for what runs there
 */
export function judgeOf(
  inputs: PlanInputs,
  onHost: readonly { id: string; same: (id: string) => boolean }[],
  fits = ({ manifest }: PlannedPatch) => matchingVariants(manifest, inputs.facts).length > 0,
) {
  const { facts, now, control } = inputs;
  const { clonedAt } = inputs.machine;
  const machine = { ...inputs.machine, facts };
  const policy = policyFor(machine, control.policies, inputs.mode);
  const window = windowState(policy.windows, now);
  const held = new Map(inputs.held.map((entry) => [entry.patch, entry]));
  const entitled = new Map(
    inputs.subscriptions.filter(({ endsAt }) => endsAt === null || endsAt > now).map((each) => [each.stream, each]),
  );

  return (patch: PlannedPatch): Judgement => {
    if (patch.state !== "live") return { verdict: patch.state };
    if (onHost.some(({ id, same }) => id === patch.id || same(patch.id))) return { verdict: "there" };
    const known = held.get(patch.id);
    if (clonedAt !== undefined && isCloned(clonedAt, now))
      return { verdict: "cloned", changesAt: clonedUntil(clonedAt) };
    if (known?.heldHere) return { verdict: "held-by-host" };
    const subscription = entitled.get(patch.stream);
    if (subscription === undefined) return { verdict: "not-entitled" };
    if (!fits(patch)) {
      return { verdict: kernelVerdict(patch.manifest, facts)?.why ?? "no-variant" };
    }
    if (known?.state === "quarantined") return { verdict: "quarantined" };
    if (patch.vendorStopped) return { verdict: "vendor-stopped" };
    if (patch.heldForEveryone) return { verdict: "held-for-everyone" };
    const rollout = control.rollouts.get(patch.id);
    if (rollout?.state === "halted" || rollout?.state === "aborted") return { verdict: "rollout-halted" };
    const retryAt = known?.state === "failed" ? known.since + retryFailedAfter : 0;
    if (now < retryAt) return { verdict: "failed-before", changesAt: retryAt };
    const leftAt = known?.state === "stalled" ? known.since + retryStalledAfter : 0;
    if (now < leftAt) return { verdict: "stalled-before", changesAt: leftAt };
    const pin = pinFor(control.pins, patch.id, machine, now);
    if (pin !== undefined) return { verdict: "pinned", changesAt: pin.until };
    if (subscription.seated === false) return { verdict: "no-seat" };
    if (policy.apply === "report") return { verdict: "report-only" };
    if (patch.manifest.severity === "critical" && policy.critical === "at-once") return { verdict: "apply" };
    if (policy.apply === "ask" && rollout?.approvedBy === undefined) return { verdict: "awaiting-approval" };
    if (!isWaveOpen(rollout, patch.id, inputs)) return { verdict: "wave-not-open" };
    const changesAt = window.changesAt === null ? {} : { changesAt: window.changesAt };
    return { verdict: window.open ? "apply" : "outside-window", ...changesAt };
  };
}

/** Before the service has begun a rollout only a customer that wants no waves gets the patch. */
function isWaveOpen(
  rollout: Pick<Rollout, "waves" | "state" | "wave"> | undefined,
  patch: string,
  { machine, control }: PlanInputs,
): boolean {
  if (rollout === undefined) return rolloutPolicy(control.policies).waves.length === 1;
  return rollout.state === "done" || waveOf(rollout.waves, patch, machine) <= rollout.wave;
}
