import { parentOf, startTime } from "../../system/proc.ts";
import { shareMemory } from "../../system/ptrace.ts";
import { inspect } from "./inspect.ts";
import type { JournalRecord } from "./journal.ts";
import { isAlive, type ProcessId } from "./memory.ts";
import { attempt, type ProcessOutcome } from "./outcomes.ts";
import { adoptFork, bootId, releaseProcess, restoreProcess, type Tools } from "./process.ts";
import { heirOf, retire } from "./supersede.ts";

/**
 * The processes that run a build. Not those that live in their parent's memory until they run another program: to change one is
 * to change the parent, whose threads nobody would have stopped.
 */
export function processesOf(tools: Tools, buildId: string): ProcessId[] {
  return tools.scanner.processesOf(buildId).flatMap((pid) => {
    const start = startTime(pid);
    return start === null || shareMemory(pid, parentOf(pid)) ? [] : [{ pid, startTime: start }];
  });
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

/** Takes a patch out of one process, however far in it is; whatever goes wrong is the outcome. */
export function undoRecord(tools: Tools, record: JournalRecord): Promise<ProcessOutcome> {
  return attempt(record, async () => {
    const heir = heirOf(tools, record);
    if (heir) {
      retire(tools, record, heir);
      return { code: "undone", detail: `${heir.patch} has its place` };
    }
    if (record.stage === "mapping" || record.stage === "staged" || record.stage === "releasing") {
      releaseProcess(tools, record);
      return { code: "undone", detail: "its payload was taken out before anything called it" };
    }
    return { code: "undone", detail: "as it was", ...(await restoreProcess(tools, record)) };
  });
}

/** Finishes what was complete but not noted, reverts what was not; null where there was nothing to do. */
export function recoverRecord(tools: Tools, record: JournalRecord): Promise<ProcessOutcome> | ProcessOutcome | null {
  if (record.stage === "applied") return null;
  if (record.stage !== "applying" || inspect(tools, record) !== "in") return undoRecord(tools, record);
  tools.journal.write({ ...record, stage: "applied" });
  const { pid, startTime: start } = record;
  return { pid, startTime: start, code: "applied", detail: "finished: every function is replaced" };
}

function adoptForks(tools: Tools, records: readonly JournalRecord[]): JournalRecord[] {
  const parents = records.filter(({ stage }) => stage === "applied");
  const adopted: JournalRecord[] = [];
  for (const buildId of new Set(parents.map((parent) => parent.buildId))) {
    for (const process of processesOf(tools, buildId)) {
      if (records.some(({ pid, startTime: start }) => pid === process.pid && start === process.startTime)) continue;
      const record = firstOf(parents, (parent) => adoptFork(tools, process, parent));
      if (record) adopted.push(record);
    }
  }
  return adopted;
}

function isAbsent(tools: Tools, record: JournalRecord): boolean {
  try {
    return inspect(tools, record) === "absent";
  } catch (error) {
    if (!isAlive(record)) return true;
    throw error;
  }
}

function firstOf<T, R>(items: readonly T[], find: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}
