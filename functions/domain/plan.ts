import { kernelVerdict } from "../../protocol/match.ts";
import { inRequiredOrder, isSamePatch, newest } from "../../protocol/newest.ts";
import { replaces } from "../../protocol/replaces.ts";
import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { HoldReason, type PlanAction } from "../../protocol/wire/plan.ts";
import { checkInBy } from "./check-in-by.ts";
import { ephemeralCheckIn } from "./liveness.ts";
import { policyFor } from "./policy.ts";
import { type Judgement, judgeOf, type PlanInputs, type PlannedPatch, type Verdict } from "./verdict.ts";

/** A plan's content, and why it says about each patch what it says. */
export type Decision = { actions: PlanAction[]; checkInBy: number; judgements: ReadonlyMap<string, Judgement> };

/** A machine that did not take something out as a policy wants is asked again after this; it may do one a day. Seconds. */
const policyUndoAgainAfter = 900;

/**
 * Decides what one machine does. Pure: the same inputs give the same plan. Undo comes first, then applies with what they
 * require before them, then what is held and why. Never a patch that no running subscription covers.
 */
export function decidePlan(inputs: PlanInputs): Decision {
  const { control, now, held, subscriptions } = inputs;
  const known = new Map(inputs.patches.map((patch) => [patch.id, patch]));
  const applied = held.filter(isOnHost).map(({ patch }) => patch);
  const withdrawn = applied.filter((id) => known.get(id)?.state === "withdrawn");
  const keeps =
    policyFor({ ...inputs.machine, facts: inputs.facts }, control.policies, inputs.mode).onRecall === "keep";
  const recalled = keeps ? [] : withdrawn;
  const unwanted = applied.filter((id) => control.rollouts.get(id)?.undo && !withdrawn.includes(id));

  const judge = judgeOf(
    inputs,
    applied.map((id) => ({ id, same: (other) => isSamePatch(id, other) })),
  );
  const judgements = new Map(inputs.patches.map((patch) => [patch.id, judge(patch)]));
  if (keeps) for (const id of withdrawn) judgements.set(id, { verdict: "recall-kept" });
  const wanted = inputs.patches.filter(({ id }) => judgements.get(id)?.verdict === "apply");
  // What is there already is newer than what it replaces: no machine goes back by itself, but to what its vendor offers again in the
  // place of what it withdrew. While that cannot be taken out, nothing older is put in beside it
  const stuck = held.filter(({ state }) => state === "undo-pending").map(({ patch }) => patch);
  const going = recalled.filter((id) => !stuck.includes(id));
  const staying = applied.flatMap((id) => (going.includes(id) ? [] : (known.get(id) ?? [])));
  const chosen = newest(wanted).filter(({ id }) => !staying.some((patch) => replaces(patch, id)));
  const { ready, waiting } = inRequiredOrder(chosen, applied);
  for (const { id } of wanted)
    if (!chosen.some((patch) => patch.id === id)) judgements.set(id, { verdict: "replaced" });
  for (const { id } of waiting) judgements.set(id, { verdict: "waiting-for-requirement" });

  const actions: PlanAction[] = [
    ...recalled.map((patch) => ({ do: "undo", patch, because: "recall" }) as const),
    ...unwanted.map((patch) => ({ do: "undo", patch, because: "policy" }) as const),
  ];
  const leaving = new Set([...recalled, ...unwanted]);
  for (const old of applied) {
    if (!leaving.has(old) && ready.some((patch) => replaces(patch, old)))
      actions.push({ do: "undo", patch: old, because: "superseded" });
  }
  for (const { id, manifestSha256 } of ready) actions.push({ do: "apply", patch: id, manifest: manifestSha256 });
  for (const [patch, { verdict }] of judgements) {
    if (isHold(verdict) && isNewestHeld(patch, inputs, judgements))
      actions.push({ do: "hold", patch, because: verdict, ...dueReboot(known.get(patch), verdict, inputs.facts) });
  }

  const decisions = [...judgements.values()].flatMap(({ changesAt }) => changesAt ?? []);
  if (inputs.machine.ephemeral) decisions.push(now + ephemeralCheckIn);
  if (unwanted.length > 0) decisions.push(now + policyUndoAgainAfter);
  const bakes = new Map(
    [...control.rollouts].map(([id, { waves, wave }]) => [id, (waves[wave]?.bakeMinutes ?? 0) * 60]),
  );
  const acting = ready.length > 0 || recalled.length > 0;
  return { actions, checkInBy: checkInBy({ now, held, subscriptions, acting, decisions, bakes }), judgements };
}

function isHold(verdict: Verdict): verdict is HoldReason {
  return HoldReason.safeParse(verdict).success;
}

/** Since when a reboot is due, where a patch waits for one. */
function dueReboot(patch: PlannedPatch | undefined, verdict: HoldReason, facts: HostFacts): { since?: number } {
  const reboot = patch && kernelVerdict(patch.manifest, facts);
  return reboot?.why === verdict ? { since: reboot.since } : {};
}

/** A plan holds nothing that the machine has no business with: another's channel, or what a newer live version makes moot. */
function isNewestHeld(id: string, { patches }: PlanInputs, judgements: ReadonlyMap<string, Judgement>): boolean {
  const own = judgements.get(id)?.verdict;
  if (own === "not-entitled") return false;
  return !patches.some((other) => {
    const verdict = judgements.get(other.id)?.verdict;
    const counts = other.state === "live" && verdict !== "not-entitled";
    return counts && other.id !== id && replaces(other, id);
  });
}

function isOnHost({ state }: HeldPatch): boolean {
  return state === "applied" || state === "already-applied" || state === "undo-pending";
}
