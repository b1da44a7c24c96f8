import { kernelVerdict, matchingVariants } from "../../protocol/match.ts";
import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { Channel, parsePatchId } from "../../protocol/wire/names.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import type { HoldReason, PlanAction } from "../../protocol/wire/plan.ts";
import { checkInBy } from "./check-in-by.ts";

/** A patch as the plan sees it. `stream` is `vendor/product/channel`. */
export type PlannedPatch = {
  id: string;
  stream: string;
  manifest: Manifest;
  manifestSha256: string;
  state: "live" | "superseded" | "withdrawn";
};

/** Everything that a plan is decided from. Times are seconds since the epoch. */
export type PlanInputs = {
  facts: HostFacts;
  /** what the machine says that it holds */
  held: readonly HeldPatch[];
  /** `auto` applies by itself, `report` only tells */
  mode: "auto" | "report";
  /** the customer's subscriptions; `endsAt` null has no end */
  subscriptions: readonly { stream: string; endsAt: number | null }[];
  /** the patches of those streams, and of the streams of what is held */
  patches: readonly PlannedPatch[];
  now: number;
};

export type Decision = { actions: PlanAction[]; checkInBy: number };

/** A patch that failed is tried again after this: the cause may have been the moment's. */
const retryFailedAfter = 3600;
/** A patch that stalled found tasks in the old code for its whole deadline: they may have left a little later. */
const retryStalledAfter = 900;

/**
 * Decides what one machine does. Pure: the same inputs give the same plan. Undo comes first, then applies with what they
 * require before them, then what is held and why. Never a patch that no running subscription covers.
 */
export function decidePlan(inputs: PlanInputs): Decision {
  const held = new Map(inputs.held.map((entry) => [entry.patch, entry]));
  const known = new Map(inputs.patches.map((patch) => [patch.id, patch]));
  const applied = inputs.held.filter((entry) => isOnHost(entry)).map((entry) => entry.patch);
  const entitled = new Set(inputs.subscriptions.filter((each) => runs(each, inputs.now)).map((each) => each.stream));

  const recalled = applied.filter((id) => known.get(id)?.state === "withdrawn");
  const candidates = newest(inputs.patches.filter((patch) => patch.state === "live" && entitled.has(patch.stream)));
  const verdicts = new Map(candidates.map((patch) => [patch.id, verdict(patch, inputs, held, applied)]));
  const applies = inRequiredOrder(
    candidates.filter((patch) => verdicts.get(patch.id) === "apply"),
    applied,
  );

  const actions: PlanAction[] = recalled.map((patch) => ({ do: "undo", patch, because: "recall" }));
  for (const patch of applies.ready) {
    for (const old of applied) {
      if (!recalled.includes(old) && replaces(patch, old))
        actions.push({ do: "undo", patch: old, because: "superseded" });
    }
  }
  for (const patch of applies.ready) actions.push({ do: "apply", patch: patch.id, manifest: patch.manifestSha256 });
  for (const patch of applies.waiting)
    actions.push({ do: "hold", patch: patch.id, because: "waiting-for-requirement" });
  for (const patch of candidates) {
    const because = verdicts.get(patch.id);
    if (because === undefined || because === "apply" || because === "there") continue;
    const reboot = kernelVerdict(patch.manifest, inputs.facts);
    const due = reboot?.why === because ? { since: reboot.since } : {};
    actions.push({ do: "hold", patch: patch.id, because, ...due });
  }
  const retries = [...verdicts].flatMap(([id, because]) => {
    if (because === "failed-before") return [since(held, id) + retryFailedAfter];
    return because === "stalled-before" ? [since(held, id) + retryStalledAfter] : [];
  });
  return { actions, checkInBy: checkInBy(inputs, { applying: applies.ready.length > 0, retries }) };
}

type Verdict = "apply" | "there" | HoldReason;

function verdict(patch: PlannedPatch, inputs: PlanInputs, held: Map<string, HeldPatch>, applied: string[]): Verdict {
  if (applied.some((id) => id === patch.id || isSamePatch(id, patch.id))) return "there";
  const state = held.get(patch.id)?.state;
  if (state === "quarantined") return "quarantined";
  if (state === "failed" && inputs.now < since(held, patch.id) + retryFailedAfter) return "failed-before";
  if (state === "stalled" && inputs.now < since(held, patch.id) + retryStalledAfter) return "stalled-before";
  if (matchingVariants(patch.manifest, inputs.facts).length === 0)
    return kernelVerdict(patch.manifest, inputs.facts)?.why ?? "no-variant";
  if (inputs.mode === "report") return "report-only";
  return "apply";
}

/** Leaves only the newest version of each patch, once: that of its most settled channel, and none that another live one supersedes. */
function newest(patches: readonly PlannedPatch[]): PlannedPatch[] {
  return patches.filter(
    (patch) =>
      !patches.some((other) => other.id !== patch.id && (replaces(other, patch.id) || isSettledTwin(other, patch))),
  );
}

/** Whether `other` is the same patch in a channel that comes later on its way to `stable`. */
function isSettledTwin(other: PlannedPatch, patch: PlannedPatch): boolean {
  const rank = (id: string) => Channel.options.indexOf(parsePatchId(id).channel);
  return isSamePatch(other.id, patch.id) && rank(other.id) > rank(patch.id);
}

/** Whether `patch` takes the place of the patch with this id: a newer version of it, or one that it names. */
function replaces(patch: PlannedPatch, id: string): boolean {
  const old = parsePatchId(id);
  const own = parsePatchId(patch.id);
  if (old.vendor !== own.vendor || old.product !== own.product) return false;
  if (old.patch === own.patch) return own.version > old.version;
  return patch.manifest.supersedes.includes(`${old.patch}@${old.version}`);
}

/** Whether two ids are one patch in two channels. */
function isSamePatch(one: string, other: string): boolean {
  const a = parsePatchId(one);
  const b = parsePatchId(other);
  return a.vendor === b.vendor && a.product === b.product && a.patch === b.patch && a.version === b.version;
}

/** Puts what a patch requires before it; what cannot be met waits. */
function inRequiredOrder(patches: readonly PlannedPatch[], applied: readonly string[]) {
  const present = new Set(applied.map((id) => requirementKey(id)));
  const ready: PlannedPatch[] = [];
  let waiting = [...patches];
  for (;;) {
    const next = waiting.filter((patch) =>
      patch.manifest.requires.every((name) => present.has(`${productOf(patch.id)}/${name}`)),
    );
    if (next.length === 0) return { ready, waiting };
    ready.push(...next);
    for (const patch of next) present.add(requirementKey(patch.id));
    waiting = waiting.filter((patch) => !next.includes(patch));
  }
}

function productOf(id: string): string {
  const { vendor, product } = parsePatchId(id);
  return `${vendor}/${product}`;
}

function requirementKey(id: string): string {
  const { patch, version } = parsePatchId(id);
  return `${productOf(id)}/${patch}@${version}`;
}

function isOnHost(entry: HeldPatch): boolean {
  return entry.state === "applied" || entry.state === "already-applied" || entry.state === "undo-pending";
}

function runs(subscription: { endsAt: number | null }, now: number): boolean {
  return subscription.endsAt === null || subscription.endsAt > now;
}

function since(held: Map<string, HeldPatch>, id: string): number {
  return held.get(id)?.since ?? 0;
}
