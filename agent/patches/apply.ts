import type { OutcomeCode } from "../../protocol/wire/host.ts";
import { partialIn } from "../../protocol/wire/partial.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Outcome, VerifiedPatch } from "../engines/engine.ts";
import { watchSeconds } from "../health/verdict.ts";
import { isOnHost, type PatchRecord, storedVariants } from "../state/patches.ts";
import { partlyApplied, skippedIn } from "./processes-of-outcome.ts";
import { recordDone } from "./record.ts";
import type { ResolvedPatch } from "./resolve.ts";
import { isIn, takeBack, takeStep } from "./steps.ts";
import { watchFrom } from "./watched.ts";

/**
 * Applies a resolved patch: check, stage, apply, verify; each step is journalled before it is taken. What is not in wherever it
 * belongs is taken back whole. Its health is watched afterwards (health/watch.ts).
 */
export async function applyPatch(
  agent: Agent,
  resolved: ResolvedPatch,
  planSeq: number,
  former: PatchRecord["former"] = [],
): Promise<Outcome> {
  const { manifest, manifestSha256, patch, variants } = resolved;
  const now = secondsOf(agent.clock);
  const { title, health } = manifest;
  const verified = {
    at: now,
    title,
    variants: variants.map(({ variant }) => variant),
    health,
  };
  const watchUntil = watchEnd(agent, { verified });
  return await install(
    agent,
    {
      patch,
      manifest: manifestSha256,
      state: "applied",
      since: now,
      detail: "",
      planSeq,
      verified,
      watchUntil,
      undoAs: null,
      former,
    },
    variants,
  );
}

/** Installs what a record describes, from the payloads at hand: also one that was verified earlier and undone since. */
export async function install(
  agent: Agent,
  described: PatchRecord,
  variants: readonly VerifiedPatch[],
): Promise<Outcome> {
  const startedAt = agent.clock.now();
  const record: PatchRecord = { ...described, boot: { id: agent.host.bootId, order: nextOrder(agent) } };
  agent.emit({ event: "applying", patch: record.patch });
  agent.patches.putPayloads(variants);
  const outcome = await takeSteps(agent, record, variants);
  if (!isIn(outcome)) await keepFormer(agent, record);
  const before = agent.patches.get(record.patch);
  // Since the first try: the longer something is in the way, the less often it is tried
  const stillBlocked = outcome.code === "blocked" && before?.state === "blocked" ? { since: before.since } : {};
  const watched = isIn(outcome) ? await watchFrom(agent, record.patch) : { watched: [] };
  await recordDone(agent, {
    action: "apply",
    record: { ...outcomeRecord(agent, record, outcome), ...watched, ...stillBlocked },
    outcome,
    startedAt,
  });
  agent.journal.remove();
  return outcome;
}

/** A patch that was in and proved bad at once may have taken its former ones out: those that are to be in go in again. */
async function keepFormer(agent: Agent, { former = [] }: PatchRecord): Promise<void> {
  for (const each of former) {
    const known = agent.patches.get(each.patch);
    if (known !== undefined && isOnHost(known)) await takeStep(agent, storedVariants(each, agent.patches), "apply");
  }
}

/** The record of a patch whose apply came to `outcome`, now. */
export function outcomeRecord(
  agent: Pick<Agent, "clock" | "hostChecks">,
  record: PatchRecord,
  outcome: Outcome,
): PatchRecord {
  const now = secondsOf(agent.clock);
  const base = { ...record, since: now, detail: outcome.detail, ...partialAt(outcome, now) };
  if (isIn(outcome)) return { ...base, state: "applied", watchUntil: watchEnd(agent, record) };
  return {
    ...base,
    state: outcome.code,
    verified: keptFor.includes(outcome.code) ? record.verified : null,
    watchUntil: null,
  };
}

/** What a record keeps of the processes that lack the patch, where the service is told of it now. */
export function partialAt({ evidence }: Outcome, now: number): Pick<PatchRecord, "partial" | "partialTold"> {
  const partial = partialIn(evidence);
  return { partial, partialTold: { isPartial: partial !== undefined, at: now } };
}

/** When the watch of a patch that goes in now is over; null where nobody wants one. Seconds since the epoch. */
export function watchEnd(
  agent: Pick<Agent, "clock" | "hostChecks">,
  record: Pick<PatchRecord, "verified">,
): number | null {
  const window = watchSeconds(agent, record);
  return window > 0 ? secondsOf(agent.clock) + window : null;
}

/** Still in; or to be forced by a person; or for a kernel that may be booted again. */
const keptFor: readonly OutcomeCode[] = ["undo-pending", "stalled", "not-applicable"];

/** The place of the next patch in the order in which a boot puts them back. */
export function nextOrder({ patches }: Pick<Agent, "patches">): number {
  return 1 + Math.max(0, ...patches.all().map(({ boot }) => boot?.order ?? 0));
}

async function takeSteps(agent: Agent, record: PatchRecord, variants: readonly VerifiedPatch[]): Promise<Outcome> {
  agent.journal.write({ action: "apply", step: "check", record });
  const checked = await takeStep(agent, variants, "check");
  if (!isIn(checked)) return checked;
  agent.journal.write({ action: "apply", step: "stage", record });
  const staged = await takeStep(agent, variants, "stage");
  if (!isIn(staged)) return await backOut(agent, record, variants, staged);
  agent.journal.write({ action: "apply", step: "apply", record });
  return await applyAndVerify(agent, record, variants);
}

/** Tries at a program whose processes come and go; each takes a second. */
const verifyAttempts = 5;

/**
 * Applies until nothing that stays lacks the patch. A process that was born between the two steps is no failure of the patch: it is patched
 * at the next try. Only one that lacks it after an apply that found nothing wrong, and did before, is.
 */
async function applyAndVerify(agent: Agent, record: PatchRecord, variants: readonly VerifiedPatch[]): Promise<Outcome> {
  let before = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    const applied = await takeStep(agent, variants, "apply");
    if (!isIn(applied)) return await backOut(agent, record, variants, applied);
    const verified = await takeStep(agent, variants, "verify");
    const skipped = skippedIn(applied);
    const found = skippedIn(verified);
    const lacking = new Set(found.filter((each) => !skipped.includes(each)));
    if (lacking.size === 0 && (isIn(verified) || found.length > 0)) return applied;
    if (lacking.size === 0 || [...lacking].some((each) => before.has(each)))
      return await backOut(agent, record, variants, { ...verified, detail: `Applied, but then: ${verified.detail}` });
    // They come and go: the agent brings them the patch at its next turn
    if (attempt === verifyAttempts) return partlyApplied(applied, verified);
    before = lacking;
  }
}

/** Takes back what a failed apply may have left, so that the host is never half patched; answers why it failed. */
async function backOut(
  agent: Agent,
  record: PatchRecord,
  variants: readonly VerifiedPatch[],
  why: Outcome,
): Promise<Outcome> {
  const back = await takeBack(
    agent,
    record.patch,
    variants.map(({ variant }) => variant),
  );
  if (back.code === "undone") return why;
  const code: OutcomeCode = "undo-pending";
  return {
    code,
    detail: `${why.detail}; and it cannot be taken back yet: ${back.detail}`,
    evidence: { ...why.evidence, undo: back.evidence },
  };
}
