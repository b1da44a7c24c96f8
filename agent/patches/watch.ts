import { type Agent, secondsOf } from "../agent.ts";
import { endTrouble } from "../health/ends.ts";
import { areWell, judgeEnd } from "../health/restarts.ts";
import { askChecks } from "../health/verdict.ts";
import { isOfKernel, type PatchRecord, storedVariants } from "../state/patches.ts";
import { watchEnd } from "./apply.ts";
import { keep } from "./keep.ts";
import { isIn, takeStep, targetsOf } from "./steps.ts";
import { undoPatch } from "./undo.ts";
import { seenUnits, watchFrom } from "./watched.ts";

/** A service that restarts and restarts is not watched for longer and longer. */
const maxExtensions = 3;
/** A unit in one of these states is on its way from one to another: its checks may fail. @see systemctl(1) */
const changing: readonly string[] = ["deactivating", "activating", "reloading", "inactive"];

/** Whether a patch is under watch, so that the next turn is due within a second. */
export function isWatching(agent: Pick<Agent, "patches">): boolean {
  return agent.patches.all().some(({ state, watchUntil }) => state === "applied" && watchUntil !== null);
}

/**
 * Begins every watch anew: called when the agent comes back, since nobody saw why a target ended while it was away.
 */
export async function watchAnew(agent: Agent): Promise<void> {
  for (const before of agent.patches.all()) {
    if (before.state !== "applied" || before.watchUntil === null) continue;
    const record = await keep(agent, before);
    agent.patches.put({ ...record, watchUntil: watchEnd(agent, record), ...(await watchFrom(agent, record.patch)) });
  }
}

/**
 * Up to the end of the window no target may crash or fail, and every health check must pass. Whoever restarts a patched service has not shown
 * anything about the patch: the new process gets it, and is watched from then on. The kernel is always the same one, and must be well itself.
 */
export async function watch(agent: Agent, before: PatchRecord): Promise<void> {
  const kept = await keep(agent, before);
  const isOver = secondsOf(agent.clock) >= (kept.watchUntil ?? 0);
  const now = await targetsOf(agent, kept.patch);
  const record = noteEnds(agent, kept, now);
  const end = await troubleOfEnds(agent, record, now, isOver);
  const trouble = end.trouble ?? (await troubleOfTarget(agent, end.record, isOver));
  if (trouble !== undefined) {
    await undoPatch(agent, end.record, { planSeq: record.planSeq, as: "quarantined", why: `Unhealthy, ${trouble}` });
  } else if (isOver && !end.waits) {
    const {
      seenWell: _seenWell,
      lost: _lost,
      goneSince: _gone,
      restarts: _restarts,
      units: _units,
      ...rest
    } = agent.patches.get(record.patch) ?? record;
    agent.patches.put({ ...rest, watchUntil: null });
    agent.emit({ event: "healthy", patch: record.patch });
  }
}

/** Notes which watched processes ended: their successors take a moment to be well, so a check counts from its next success on. */
function noteEnds(agent: Agent, record: PatchRecord, now: readonly string[]): PatchRecord {
  const lost = (record.watched ?? []).filter((target) => !now.includes(target)).length;
  if (lost === (record.lost ?? 0)) return record;
  const noted: PatchRecord = {
    ...record,
    lost,
    ...(lost > (record.lost ?? 0) && !isOfKernel(record) && { seenWell: [] }),
  };
  agent.patches.put(noted);
  return noted;
}

type EndTrouble = { record: PatchRecord; trouble?: string /** the watch goes on past its end */; waits?: boolean };

async function troubleOfEnds(
  agent: Agent,
  record: PatchRecord,
  now: readonly string[],
  isOver: boolean,
): Promise<EndTrouble> {
  const watched = record.watched ?? [];
  const ends = agent.processes.endsOf(record.patch, record.since * 1000);
  const units = ends.length > 0 || (record.lost ?? 0) > 0 ? await seenUnits(agent, record) : [];
  const trouble = endTrouble(ends, watched, areWell(units));
  if (trouble !== undefined) return { record, trouble };
  if (watched.length === 0 || watched.some((target) => now.includes(target))) return { record };
  if (!watched.every(isProcess)) return { record, trouble: `${watched.join(", ")} lost the patch within the window` };
  if (record.goneSince === undefined) {
    // How they ended may be told a moment later, and whoever restarts them takes a moment
    const gone = { ...record, goneSince: secondsOf(agent.clock) };
    agent.patches.put(gone);
    return { record: gone, waits: true };
  }
  const hasSuccessor = now.length > 0;
  const restarts = record.restarts ?? 0;
  const verdict = judgeEnd({ watched, ends, units, hasSuccessor, restarts, isOver });
  if (verdict.is === "trouble") return { record, trouble: verdict.why };
  if (verdict.is === "wait" || !hasSuccessor) return { record };
  const extensions = (record.extensions ?? 0) + 1;
  const next: PatchRecord = {
    ...record,
    ...(await watchFrom(agent, record.patch)),
    restarts: restarts + Number(verdict.is === "restarted"),
    extensions,
    seenWell: record.seenWell ?? [],
    ...(extensions <= maxExtensions && { watchUntil: watchEnd(agent, record) }),
  };
  agent.patches.put(next);
  return { record: next, waits: true };
}

async function troubleOfTarget(agent: Agent, record: PatchRecord, isOver: boolean): Promise<string | undefined> {
  if (isOfKernel(record)) {
    const verified = await takeStep(agent, storedVariants(record, agent.patches), "verify");
    if (!isIn(verified)) return verified.detail;
  }
  // Nothing runs: somebody stopped it, and its checks fail for that
  const isStopped = record.goneSince !== undefined;
  const wasRestarted = (record.lost ?? 0) > 0 || record.extensions !== undefined;
  const counts = isOver && wasRestarted && !isStopped ? undefined : isStopped ? [] : record.seenWell;
  const { wrong, seenWell } = await askChecks(agent, { ...record, seenWell: counts });
  if (seenWell !== undefined && !isStopped && seenWell.length > (record.seenWell ?? []).length)
    agent.patches.put({ ...record, seenWell });
  if (wrong === undefined || !(await isChanging(agent, record))) return wrong;
  return undefined;
}

/** Whether somebody is stopping, starting or reloading a service that has the patch right now. */
async function isChanging(agent: Agent, record: PatchRecord): Promise<boolean> {
  const units = await seenUnits(agent, record);
  return units.some(({ now }) => now !== undefined && changing.includes(now.active));
}

function isProcess(target: string): boolean {
  return /\(\d+\)$/.test(target);
}
