import { programName, startTime } from "../../system/proc.ts";
import type { Engine, Outcome, VerifiedPatch } from "../engine.ts";
import { createBuildScanner } from "./builds.ts";
import { type JournalRecord, openJournal } from "./journal.ts";
import {
  alreadyApplied,
  applicable,
  attempt,
  evidenceOf,
  type ProcessOutcome,
  summary,
  undoSummary,
} from "./outcomes.ts";
import {
  bootId,
  isAlive,
  type ProcessId,
  prepareProcess,
  readJumps,
  redirectProcess,
  releaseProcess,
  restoreProcess,
  type Step,
  stageProcess,
  type Tools,
} from "./process.ts";
import { whyUnsupported } from "./support.ts";
import { x86_64 } from "./x86-64.ts";

export type ElfEngineOptions = {
  /** where the engine keeps what it did in each process; made if absent */
  journalDir: string;
  /** called at each step, after it is taken */
  onStep?: (step: Step) => void;
};

/**
 * The engine for running user-space processes on x86-64 Linux: functions of every process that runs the variant's build are
 * sent to their replacements while all of the process's threads are stopped and none is inside.
 *
 * A patch's targets are all processes that map the build. `apply` may be called again at any time: it patches those that started
 * since. Where one process cannot be patched, those that this call patched are undone, so the host is not left half patched.
 * Evidence: `functions`, `pauseMicros` (the longest), and `processes` with pid, startTime, code, threads, attempts, pauseMicros.
 */
export function createElfEngine({ journalDir, onStep = () => {} }: ElfEngineOptions): Engine {
  const tools: Tools = {
    machine: x86_64,
    scanner: createBuildScanner(),
    journal: openJournal(journalDir),
    files: new Map(),
    onStep,
  };

  const targetsOf = (patch: VerifiedPatch): ProcessId[] =>
    tools.scanner.processesOf(patch.variant.match.buildId).flatMap((pid) => {
      const start = startTime(pid);
      return start === null ? [] : [{ pid, startTime: start }];
    });

  /** The live records of a patch. Those of processes that ended are dropped: their memory went with them. */
  const recordsOf = (patchId: string): JournalRecord[] => {
    const boot = bootId();
    return tools.journal.all().filter((record) => {
      if (record.bootId === boot && isAlive(record)) return record.patch === patchId;
      tools.journal.remove(record);
      return false;
    });
  };

  const recordOf = (patchId: string, { pid }: ProcessId) => recordsOf(patchId).find((record) => record.pid === pid);

  const applyTo = async (patch: VerifiedPatch, process: ProcessId): Promise<ProcessOutcome> => {
    const known = recordOf(patch.id, process);
    if (known?.stage === "applied" && readJumps(known) === "all in") return { ...process, ...alreadyApplied };
    return attempt(process, async () => {
      const report = await redirectProcess(
        tools,
        known?.stage === "staged" ? known : stageProcess(tools, process, patch),
      );
      return { code: "applied", detail: "patched", ...report };
    });
  };

  const undoRecord = (record: JournalRecord): Promise<ProcessOutcome> =>
    attempt(record, async () => {
      if (record.stage === "mapping" || record.stage === "staged" || record.stage === "releasing") {
        releaseProcess(tools, record);
        return { code: "undone", detail: "its payload was taken out before anything called it" };
      }
      return { code: "undone", detail: "as it was", ...(await restoreProcess(tools, record)) };
    });

  return {
    name: "elf",

    async detect() {
      const reason = whyUnsupported();
      return { supported: reason === "", reason, facts: reason === "" ? { builds: tools.scanner.scan() } : {} };
    },

    async check(patch) {
      const reason = whyUnsupported();
      if (reason !== "") return { code: "unsupported", detail: reason, evidence: {} };
      const outcomes: ProcessOutcome[] = [];
      for (const process of targetsOf(patch)) {
        const known = recordOf(patch.id, process);
        if (known) outcomes.push({ ...process, ...(known.stage === "applied" ? alreadyApplied : applicable) });
        else outcomes.push(await attempt(process, async () => (prepareProcess(tools, process, patch), applicable)));
      }
      return summary(patch, outcomes);
    },

    async stage(patch) {
      const outcomes: ProcessOutcome[] = [];
      for (const process of targetsOf(patch)) {
        const known = recordOf(patch.id, process);
        if (known) outcomes.push({ ...process, ...(known.stage === "applied" ? alreadyApplied : applicable) });
        else outcomes.push(await attempt(process, async () => (stageProcess(tools, process, patch), applicable)));
      }
      return summary(patch, outcomes);
    },

    async apply(patch) {
      const outcomes: ProcessOutcome[] = [];
      for (const process of targetsOf(patch)) outcomes.push(await applyTo(patch, process));
      const outcome = summary(patch, outcomes);
      if (outcome.code === "applied" || outcome.code === "already-applied") return outcome;
      const touched = outcomes.filter(({ code }) => code !== "already-applied").map(({ pid }) => pid);
      for (const record of recordsOf(patch.id)) if (touched.includes(record.pid)) await undoRecord(record);
      return outcome;
    },

    async verify(patch) {
      const records = recordsOf(patch.id);
      const outcomes = targetsOf(patch).map((process): ProcessOutcome => {
        const record = records.find(({ pid }) => pid === process.pid);
        const isIn = record?.stage === "applied" && readJumps(record) === "all in";
        return isIn
          ? { ...process, ...alreadyApplied }
          : { ...process, code: "failed", detail: "it runs the build without the patch" };
      });
      const outcome = summary(patch, outcomes);
      return outcome.code === "already-applied" ? { ...outcome, code: "applied" } : outcome;
    },

    async undo(patchId) {
      const outcomes: ProcessOutcome[] = [];
      for (const record of recordsOf(patchId)) outcomes.push(await undoRecord(record));
      return undoSummary(outcomes);
    },

    async list() {
      const boot = bootId();
      const applied = tools.journal
        .all()
        .filter((record) => record.bootId === boot && isAlive(record) && record.stage === "applied")
        .filter((record) => readJumps(record) === "all in");
      const byPatch = Map.groupBy(applied, (record) => record.patch);
      return [...byPatch].map(([id, records]) => ({
        id,
        targets: records.map(({ pid }) => ({ name: programName(pid), pid })),
      }));
    },

    async recover() {
      const outcomes: Outcome[] = [];
      const patches = new Set(tools.journal.all().map((record) => record.patch));
      for (const patch of patches) {
        for (const record of recordsOf(patch)) {
          const outcome = await recoverRecord(tools, record, undoRecord);
          if (outcome) outcomes.push({ ...outcome, evidence: { patch, ...evidenceOf([outcome]) } });
        }
      }
      return outcomes;
    },
  };
}

async function recoverRecord(
  tools: Tools,
  record: JournalRecord,
  undo: (record: JournalRecord) => Promise<ProcessOutcome>,
): Promise<ProcessOutcome | null> {
  if (record.stage === "applied") return null;
  if (record.stage === "applying" && readJumps(record) === "all in") {
    tools.journal.write({ ...record, stage: "applied" });
    return {
      pid: record.pid,
      startTime: record.startTime,
      code: "applied",
      detail: "finished: every function is replaced",
    };
  }
  return undo(record);
}
