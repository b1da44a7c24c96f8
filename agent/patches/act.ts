import { type Code, describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import { replaces } from "../../protocol/replaces.ts";
import type { HostFacts, OutcomeCode } from "../../protocol/wire/host.ts";
import type { PlanAction } from "../../protocol/wire/plan.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { requireHealthyHost } from "../health/verdict.ts";
import type { CheckedIn } from "../round/check-in.ts";
import { isAway } from "../round/service.ts";
import { required } from "../state/json-file.ts";
import { isOnHost, type PatchRecord, storedVariants } from "../state/patches.ts";
import { longestAhead, timeOf } from "../state/session.ts";
import { isRecalled, refuseRecalled, refuseStopped } from "../trust/recalls.ts";
import { applyPatch, install } from "./apply.ts";
import { formerOf } from "./former.ts";
import { holdForPin } from "./pins.ts";
import { recordDone } from "./record.ts";
import { type ResolvedPatch, resolvePatch } from "./resolve.ts";
import { isIn } from "./steps.ts";
import { retireFormer, undoPatch } from "./undo.ts";

/** What became of one of the plan's actions. */
export type ActionResult = {
  patch: string;
  action: "apply" | "undo";
  code: OutcomeCode | "refused" | "held" | "limited";
  detail: string;
};

type Apply = PlanAction & { do: "apply" };
type Undo = PlanAction & { do: "undo" };

/** What becomes of a patch that is refused; elsewhere it has failed. All but the first may pass without anybody's doing. */
const refusedState: Partial<Record<Code, OutcomeCode>> = {
  "not-applicable": "not-applicable",
  // What the service serves is the service's fault: tried again soon, and no failure of the patch on this host
  "bundle-mismatch": "stalled",
  "missing-blob": "stalled",
  "metadata-expired": "stalled",
  "mirror-stale": "stalled",
  "vendor-stopped": "stalled",
  unhealthy: "blocked",
  blocked: "blocked",
  "no-space": "blocked",
};
const daySeconds = 86_400;

/**
 * Carries out a verified plan. Every patch is resolved first, so that nothing is undone for a replacement that turns out to be bad;
 * then undos, then applies in the plan's order.
 * @throws SutureError `unreachable` or `unavailable` once all that could be done was done
 */
export async function act(agent: Agent, { plan, answer, trust }: CheckedIn, facts: HostFacts): Promise<ActionResult[]> {
  const results: ActionResult[] = [];
  /** what stops the round once every action had its turn: that the service is away, or a fault that nothing here foresees */
  let postponed: unknown;
  /** Each action of a plan stands by itself: one that fails keeps no later one from its turn. */
  const byItself = async (patch: string, action: ActionResult["action"], work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      // with room on the disk again, as with the service, the same plan is carried out to its end
      if (isAway(error) || isSutureError(error, "no-space") || !isSutureError(error)) {
        postponed ??= error;
        return;
      }
      agent.emit({
        event: "trouble",
        code: error.code,
        detail: `${action} of ${patch}: ${describeError(error)}`,
        retryInSeconds: 0,
      });
      results.push({ patch, action, code: "failed", detail: describeError(error) });
    }
  };

  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  const resolved: ResolvedPatch[] = [];
  for (const action of plan.actions.filter((each): each is Apply => each.do === "apply")) {
    const known = agent.patches.get(action.patch);
    // One that is still to be undone too: a new record of it would let that be forgotten
    if (known !== undefined && isOnHost(known)) continue;
    const detail = whyHeld(holds.has(action.patch), known);
    if (detail !== undefined) {
      results.push(leaveHeld(agent, action.patch, detail));
      continue;
    }
    await byItself(action.patch, "apply", async () => {
      try {
        await refuseStopped(action.patch, trust);
        await refuseRecalled(action.patch, trust, agent.patches);
        const { service, room } = agent;
        const patch = await resolvePatch(action, { trust, facts, service, downloads: answer.downloads, room });
        const pin = holdForPin(agent, identified(patch));
        if (pin === undefined) resolved.push(patch);
        else results.push(leaveHeld(agent, action.patch, `An administrator of this host pins ${pin}`));
      } catch (error) {
        if (!(error instanceof SutureError) || isAway(error)) throw error;
        results.push(await refuseApply(agent, action, error, plan.seq));
      }
    });
  }

  const undos = plan.actions.filter((each): each is Undo => each.do === "undo");
  for (const { patch, because } of undos) {
    const record = agent.patches.get(patch);
    if (because === "superseded" || record === undefined || !isOnHost(record)) continue;
    await byItself(patch, "undo", async () => {
      const limitedUntil = because === "policy" ? takePolicyUndo(agent) : undefined;
      const why = because === "recall" ? "Recalled" : "Undone by policy";
      if (because === "recall" && !(await isRecalled(patch, trust, agent.patches)))
        results.push(refuseUndo(agent, patch, "no signed recall names it"));
      else if (limitedUntil !== undefined) results.push(postponeUndo(agent, patch, limitedUntil));
      else
        results.push({
          patch,
          action: "undo",
          ...codeOf(await undoPatch(agent, record, { planSeq: plan.seq, as: "undone", why })),
        });
    });
  }

  const superseded = undos.filter(({ because }) => because === "superseded").map(({ patch }) => patch);
  for (const patch of resolved) {
    const replaced = superseded
      .filter((old) => replaces(identified(patch), old))
      .flatMap((old) => agent.patches.get(old) ?? []);
    await byItself(patch.patch, "apply", async () => {
      // Before anything is undone for it
      const refusal = await whyNotNow(agent, patch);
      if (refusal === undefined) results.push(...(await replace(agent, patch, replaced.filter(isOnHost), plan.seq)));
      else results.push(await refuseApply(agent, { ...patch, manifest: patch.manifestSha256 }, refusal, plan.seq));
    });
  }
  const pins = agent.pins.read() ?? [];
  for (const patch of superseded) {
    const record = agent.patches.get(patch);
    if (pins.includes(patch)) continue;
    if (record !== undefined && isOnHost(record) && !resolved.some((by) => replaces(identified(by), patch))) {
      results.push(refuseUndo(agent, patch, "nothing in the plan that was verified replaces it"));
    }
  }
  if (postponed !== undefined) throw postponed;
  return results;
}

/** What of the host keeps a resolved patch away for now. Where nothing does, its payloads are on the disk. */
async function whyNotNow(agent: Agent, { patch, variants }: ResolvedPatch): Promise<SutureError | undefined> {
  const newer = agent.patches
    .all()
    .find((record) => isOnHost(record) && replaces({ id: record.patch, manifest: { supersedes: [] } }, patch));
  if (newer !== undefined)
    return new SutureError("blocked", `${newer.patch}, which is newer, has not been taken out yet`);
  try {
    await requireHealthyHost(agent);
    agent.room(variants.map(({ variant }) => variant.bundle.payload));
    agent.patches.putPayloads(variants);
    return undefined;
  } catch (error) {
    if (isSutureError(error, "unhealthy") || isSutureError(error, "no-space")) return error;
    throw error;
  }
}

/** Applies a patch in the place of others; where it does not take, they are put back. */
async function replace(
  agent: Agent,
  patch: ResolvedPatch,
  replaced: readonly PatchRecord[],
  planSeq: number,
): Promise<ActionResult[]> {
  if (patch.variants.every(goesInOver)) return await replaceInPlace(agent, patch, replaced, planSeq);
  const results: ActionResult[] = [];
  const undone: { record: PatchRecord; variants: ReturnType<typeof storedVariants> }[] = [];
  for (const record of replaced) {
    const variants = storedVariants(record, agent.patches);
    const outcome = await undoPatch(agent, record, { planSeq, as: "undone", why: `Replaced by ${patch.patch}` });
    results.push({ patch: record.patch, action: "undo", ...codeOf(outcome) });
    if (outcome.code === "undone") undone.push({ record, variants });
  }
  const outcome = await applyPatch(agent, patch, planSeq);
  results.push({ patch: patch.patch, action: "apply", ...codeOf(outcome) });
  if (outcome.code !== "applied" && outcome.code !== "already-applied") {
    const recalled = agent.patches.recalled();
    for (const { record, variants } of undone)
      if (!recalled.has(record.patch)) await install(agent, { ...record, planSeq }, variants);
  }
  return results;
}

/** The replacement goes in first and takes the place of the others itself: at no moment is the host without either. */
async function replaceInPlace(
  agent: Agent,
  patch: ResolvedPatch,
  replaced: readonly PatchRecord[],
  planSeq: number,
): Promise<ActionResult[]> {
  const replaces = replaced.map((each) => each.patch);
  const variants = patch.variants.map((variant) => ({ ...variant, replaces }));
  const outcome = await applyPatch(agent, { ...patch, variants }, planSeq, formerOf(replaced));
  const applied = agent.patches.get(patch.patch);
  if (isIn(outcome) && applied !== undefined) await retireFormer(agent, applied);
  const results: ActionResult[] = [{ patch: patch.patch, action: "apply", ...codeOf(outcome) }];
  for (const { patch: old } of replaced) {
    const record = agent.patches.get(old);
    if (record?.state === "undone" || record?.state === "undo-pending")
      results.push({ patch: old, action: "undo", code: record.state, detail: record.detail });
  }
  return results;
}

/** Whether an engine puts a variant in the place of another while that one is in. */
function goesInOver({ variant }: ResolvedPatch["variants"][number]): boolean {
  return variant.engine === "elf" || (variant.engine === "klp" && variant.replace);
}

function leaveHeld({ emit }: Agent, patch: string, detail: string): ActionResult {
  emit({ event: "held", patch, detail });
  return { patch, action: "apply", code: "held", detail };
}

function whyHeld(isHeld: boolean, known: PatchRecord | undefined): string | undefined {
  if (isHeld) return "An administrator of this host holds it";
  return known?.state === "quarantined" ? "It is quarantined on this host, until a person releases it" : undefined;
}

async function refuseApply(
  agent: Agent,
  { patch, manifest }: { patch: string; manifest: string },
  error: SutureError,
  planSeq: number,
): Promise<ActionResult> {
  const { code, message: detail } = error;
  agent.emit({ event: "refused", patch, code, detail });
  const state = refusedState[code] ?? "failed";
  const known = agent.patches.get(patch);
  const now = secondsOf(agent.clock);
  // A refusal that may pass is met again within the minute: it is told once
  if (state !== "failed" && known?.state === state && known.detail === detail)
    return { patch, action: "apply", code: "refused", detail };
  const record: PatchRecord = {
    patch,
    manifest,
    state,
    since: now,
    detail,
    planSeq,
    verified: null,
    watchUntil: null,
    undoAs: null,
  };
  const outcome = { code: state, detail, evidence: { refused: code, ...error.data } };
  await recordDone(agent, { action: "apply", record, outcome, startedAt: agent.clock.now() });
  return { patch, action: "apply", code: "refused", detail };
}

function refuseUndo(agent: Agent, patch: string, why: string): ActionResult {
  const detail = `The plan may not undo it: ${why}`;
  agent.emit({ event: "refused", patch, code: "plan-invalid", detail });
  agent.refusals.note({ of: "plan", name: "" }, new SutureError("plan-invalid", `It would undo ${patch}: ${why}`));
  return { patch, action: "undo", code: "refused", detail };
}

/** A limit is a limit, and no sign that somebody tampers: it has an end, and root may go before it. */
function postponeUndo(agent: Agent, patch: string, until: number): ActionResult {
  const next = new Date(until * 1000).toISOString();
  const detail = `This host undoes by policy only so many patches a day; the next from ${next} on. Root may undo it now: suture-agent undo ${patch}`;
  agent.limits.note({ limit: "policy-undo", patch, until });
  agent.emit({ event: "limited", patch, detail });
  return { patch, action: "undo", code: "limited", detail };
}

/**
 * Takes one of the undos by policy that this host allows: `policy_undos_a_day`, evenly over the day.
 * @returns from when on there is the next, where there is none now; seconds since the epoch
 */
function takePolicyUndo(agent: Agent): number | undefined {
  const session = required(agent.session, "session.json");
  const now = timeOf(session, secondsOf(agent.clock));
  const next = session.policyUndoAt + Math.ceil(daySeconds / agent.policyUndosADay);
  const isFromFuture = session.policyUndoAt > now + longestAhead;
  if (session.policyUndoAt > 0 && !isFromFuture && now < next) return next;
  agent.session.write({ ...session, policyUndoAt: now });
  return undefined;
}

function identified({ patch, manifest }: ResolvedPatch) {
  return { id: patch, manifest };
}

function codeOf({ code, detail }: { code: OutcomeCode; detail: string }) {
  return { code, detail };
}
