import { readMappings, startTime } from "../../system/proc.ts";
import { ifReadable } from "../../system/system-errors.ts";
import { onePerMemory } from "./address-space.ts";
import { inspect } from "./inspect.ts";
import type { JournalRecord, Placement } from "./journal.ts";
import { bootId, isAlive, isGone, type ProcessId } from "./memory.ts";
import { isCode } from "./modules.ts";
import { attempt, type ProcessOutcome } from "./outcomes.ts";
import { adopt, note, restoreProcess, type Tools } from "./process.ts";
import { payloadsOf } from "./resident.ts";
import { retire, successorOf } from "./supersede.ts";

/**
 * The processes that run a build, one for each memory: what is done to one that shares its memory is done to all who do, which are then
 * stopped together.
 */
export function processesOf(tools: Tools, buildId: string): ProcessId[] {
  const processes = tools.scanner.processesOf(buildId).flatMap((pid) => {
    const start = startTime(pid);
    return start === null ? [] : [{ pid, startTime: start }];
  });
  return onePerMemory(processes);
}

/**
 * The records of a patch whose processes live on. Takes over forks, which are born with the patch of their parent; then drops the
 * records of processes that ended or became another program, whose memory went with them.
 */
export function currentRecords(tools: Tools, patchId: string): JournalRecord[] {
  const boot = bootId();
  const ofPatch = tools.journal.all().filter((record) => record.patch === patchId);
  const ofThisBoot = ofPatch.filter((record) => record.bootId === boot);
  const adopted = adoptForks(tools, ofThisBoot);
  const current = ofThisBoot.filter(
    (record) => isAlive(record) && (record.stage === "mapping" || !isAbsent(tools, record)),
  );
  for (const record of ofPatch) if (!current.includes(record)) tools.journal.remove(record);
  return [...current, ...adopted];
}

/**
 * Records for those processes whose memory has a patch applied although none of the `known` records says so, as after a loss of the
 * journal: what is applied somewhere is not to be called undone.
 */
export function adoptFound(
  tools: Tools,
  patchId: string,
  buildId: string,
  known: readonly JournalRecord[],
  processes: readonly ProcessId[] = processesOf(tools, buildId),
): JournalRecord[] {
  const isKnown = (process: ProcessId) => known.some((record) => record.buildId === buildId && isSame(record, process));
  return processes.flatMap((process) => {
    if (isKnown(process)) return [];
    const found = payloadsOf(process).filter((each) => each.patch === patchId && each.buildId === buildId);
    return (
      firstOf(found, (placement) =>
        runsCodeAt(tools, process, placement) ? adopt(tools, process, placement) : null,
      ) ?? []
    );
  });
}

/** The builds in which a patch was ever applied here, as far as the journal knows. */
export function buildsOf(tools: Tools, patchId: string): string[] {
  const records = [...tools.journal.all(), ...tools.journal.residents()];
  return records.filter(({ patch }) => patch === patchId).map(({ buildId }) => buildId);
}

/** Forgets the resident payloads of processes that ended; they went with them. */
export function forgetEnded(tools: Tools): void {
  const boot = bootId();
  for (const record of tools.journal.residents()) {
    if (record.bootId !== boot || !isAlive(record)) tools.journal.remove(record);
  }
}

/** Undoes a patch in one process, however far it has come there; whatever goes wrong is the outcome. */
export function undoRecord(tools: Tools, record: JournalRecord): Promise<ProcessOutcome> {
  return attempt(record, async () => {
    const successor = successorOf(tools, record);
    if (successor) {
      retire(tools, record, successor);
      return { code: "undone", detail: `${successor.patch} replaces it` };
    }
    if (record.stage === "mapping" || record.stage === "staged" || record.stage === "releasing") {
      note(tools, record, "resident");
      return { code: "undone", detail: "nothing led to its payload" };
    }
    return { code: "undone", detail: "as it was", ...(await restoreProcess(tools, record)) };
  });
}

/** Finishes what was complete but not noted, reverts what was not; null where there was nothing to do. */
export function recoverRecord(tools: Tools, record: JournalRecord): Promise<ProcessOutcome> | null {
  if (record.stage === "applied") return null;
  if (record.stage !== "applying") return undoRecord(tools, record);
  return attempt(record, async () => {
    if (inspect(tools, record) !== "in") return await undoRecord(tools, record);
    tools.journal.write({ ...record, stage: "applied" });
    return { code: "applied", detail: "finished: every function is replaced" };
  });
}

function adoptForks(tools: Tools, records: readonly JournalRecord[]): JournalRecord[] {
  const parents = records.filter(({ stage }) => stage === "applied");
  const adopted: JournalRecord[] = [];
  for (const buildId of new Set(parents.map((parent) => parent.buildId))) {
    for (const process of processesOf(tools, buildId)) {
      if (records.some((record) => isSame(record, process))) continue;
      const record = firstOf(parents, (parent) => adopt(tools, process, parent));
      if (record) adopted.push(record);
    }
  }
  return adopted;
}

/** Whether what a header calls the entries of functions is code of its build: the process itself can write a header. */
function runsCodeAt(tools: Tools, { pid }: ProcessId, { buildId, jumps }: Placement): boolean {
  const code = (ifReadable(() => readMappings(pid)) ?? []).filter(isCode);
  return jumps.every(({ at }) => {
    const mapping = code.find(({ start, end }) => at >= start && at < end);
    return mapping !== undefined && tools.scanner.isBuild(pid, mapping, buildId);
  });
}

function isAbsent(tools: Tools, record: JournalRecord): boolean {
  try {
    return inspect(tools, record) === "absent";
  } catch {
    // one that lives and cannot be read keeps its record, and has an outcome of its own where something is to be done to it
    return isGone(record);
  }
}

function isSame(one: ProcessId, other: ProcessId): boolean {
  return one.pid === other.pid && one.startTime === other.startTime;
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}
