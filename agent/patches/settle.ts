import { isDeepStrictEqual } from "node:util";
import { describeError } from "../../protocol/errors.ts";
import { partialIn } from "../../protocol/wire/partial.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Outcome } from "../engines/engine.ts";
import { endTrouble } from "../health/ends.ts";
import { askChecks } from "../health/verdict.ts";
import { noticeTrouble } from "../incidents/notice.ts";
import { isOfKernel, type PatchRecord, storedVariants } from "../state/patches.ts";
import { partialAt, watchEnd } from "./apply.ts";
import { recordDone } from "./record.ts";
import { isIn, takeStep, targetsOf } from "./steps.ts";
import { undoPatch } from "./undo.ts";

/** The service is told so often at most that a patch is in some processes only, or in all again; seconds. */
const partialEvery = 900;

/**
 * Brings the host in line with what is recorded, without the network: pending undos, patches under watch, an administrator's holds,
 * and processes that started since. Trouble with one patch keeps no other from its turn. What went wrong on the host is noticed.
 */
export async function settle(agent: Agent): Promise<void> {
  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  for (const record of agent.patches.all()) {
    try {
      if (record.state === "undo-pending") await retryUndo(agent, record);
      else if (record.state !== "applied") continue;
      else if (holds.has(record.patch))
        await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Undone on this host" });
      else if (record.watchUntil !== null) await watch(agent, record);
      else await keep(agent, record);
    } catch (error) {
      complain(agent, record, "engine-failed", describeError(error));
    }
  }
  await noticeTrouble(agent);
}

/** Whether a patch is under watch, so that the next turn is due within a second. */
export function isWatching(agent: Pick<Agent, "patches">): boolean {
  return agent.patches.all().some(({ state, watchUntil }) => state === "applied" && watchUntil !== null);
}

async function retryUndo(agent: Agent, record: PatchRecord): Promise<void> {
  await undoPatch(agent, record, {
    planSeq: record.planSeq,
    as: record.undoAs ?? "undone",
    why: "Undone at a later try",
  });
}

/**
 * Begins every watch anew: called when the agent comes back, since nobody saw why a target ended while it was away.
 */
export async function watchAnew(agent: Agent): Promise<void> {
  for (const before of agent.patches.all()) {
    if (before.state !== "applied" || before.watchUntil === null) continue;
    const record = await keep(agent, before);
    agent.patches.put({
      ...record,
      watchUntil: watchEnd(agent, record),
      watched: await targetsOf(agent, record.patch),
    });
  }
}

/**
 * Up to the end of the window some target that had the patch must live on with it, and every health check must pass. A target that
 * is new gets the patch: that it came without it says nothing. The kernel is always the same one, and must be well itself.
 */
async function watch(agent: Agent, before: PatchRecord): Promise<void> {
  const record = await keep(agent, before);
  const isOver = secondsOf(agent.clock) >= (record.watchUntil ?? 0);
  const trouble = await findTrouble(agent, record);
  if (trouble !== undefined)
    await undoPatch(agent, record, { planSeq: record.planSeq, as: "quarantined", why: `Unhealthy, ${trouble}` });
  else if (isOver) {
    agent.patches.put({ ...record, watchUntil: null, seenWell: undefined });
    agent.emit({ event: "healthy", patch: record.patch });
  }
}

async function findTrouble(agent: Agent, record: PatchRecord): Promise<string | undefined> {
  const watched = record.watched ?? [];
  const now = new Set(await targetsOf(agent, record.patch));
  if (watched.length > 0 && !watched.some((target) => now.has(target))) {
    return `${watched.join(", ")} ended, or lost the patch, within the window`;
  }
  const ended = endTrouble(agent.processes.endsOf(record.patch, record.since * 1000), watched);
  if (ended !== undefined) return ended;
  if (isOfKernel(record)) {
    const verified = await takeStep(agent, storedVariants(record, agent.patches), "verify");
    if (!isIn(verified)) return verified.detail;
  }
  const { wrong, seenWell } = await askChecks(agent, record);
  if (seenWell !== undefined && seenWell.length > (record.seenWell ?? []).length)
    agent.patches.put({ ...record, seenWell });
  return wrong;
}

/** Applies the patch to processes that started since, unless it was recalled, and answers its record as it is then. */
async function keep(agent: Agent, record: PatchRecord): Promise<PatchRecord> {
  if (agent.patches.recalled().has(record.patch)) return record;
  const startedAt = agent.clock.now();
  const outcome = await takeStep(agent, storedVariants(record, agent.patches), "apply");
  const now = secondsOf(agent.clock);
  const found = describePartial(outcome);
  const isNews = outcome.code === "applied" || isPartialNews(record, found, now);
  if (isNews) {
    const kept = { ...record, detail: found.detail, ...partialAt(found, now) };
    await recordDone(agent, { action: "apply", record: kept, outcome: found, startedAt });
  } else if (!isDeepStrictEqual(record.partial, partialIn(found.evidence))) {
    agent.patches.put({ ...record, partial: partialIn(found.evidence) });
  }
  const kept = agent.patches.get(record.patch) ?? record;
  if (!isIn(outcome) && outcome.code !== "not-applicable") complain(agent, kept, outcome.code, found.detail);
  return agent.patches.get(record.patch) ?? record;
}

/** An outcome of applying to new processes, where one that was patched before has it and a new one could not be patched: with the counts. */
function describePartial(outcome: Outcome): Outcome {
  const partial = partialIn(outcome.evidence);
  if (isIn(outcome) || partial === undefined) return outcome;
  const { patched, skipped } = partial;
  const counts = `applied in ${patched} of ${patched + skipped} processes; ${skipped} skipped`;
  return { ...outcome, detail: `${counts}: ${outcome.detail}` };
}

/** Whether the service is to be told that a process lacks the patch now, or that none does any more; not too often, for any user can see to either. */
function isPartialNews({ partialTold }: PatchRecord, { evidence }: Outcome, now: number): boolean {
  const isPartial = partialIn(evidence) !== undefined;
  if (isPartial === (partialTold?.isPartial ?? false)) return false;
  return partialTold === undefined || now - partialTold.at >= partialEvery;
}

/** The patch stays recorded as applied: a recall must reach what is in. What is amiss is told once. */
function complain(agent: Agent, record: PatchRecord, code: string, detail: string): void {
  if (record.detail === detail) return;
  agent.patches.put({ ...record, detail });
  agent.emit({ event: "incomplete", patch: record.patch, code, detail });
}
