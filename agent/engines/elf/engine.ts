import { programName } from "../../system/proc.ts";
import type { ElfPatch, Engine, Outcome } from "../engine.ts";
import { createBuildScanner } from "./builds.ts";
import { createFileCache } from "./file-cache.ts";
import { inspect } from "./inspect.ts";
import { type JournalRecord, openJournal } from "./journal.ts";
import type { ProcessId } from "./memory.ts";
import { attempt, evidenceOf, type ProcessOutcome, summary, undoSummary } from "./outcomes.ts";
import { redirectProcess, type Step, type Tools } from "./process.ts";
import {
  adoptFound,
  buildsOf,
  currentRecords,
  forgetEnded,
  processesOf,
  recoverRecord,
  undoRecord,
} from "./records.ts";
import { openRehearsal } from "./rehearse.ts";
import { bytesOf, payloadsOf } from "./resident.ts";
import { prepareProcess, stageProcess } from "./staging.ts";
import { replacedIn, successorOf } from "./supersede.ts";
import { whyUnsupported } from "./support.ts";
import { x86_64 } from "./x86-64.ts";

export type ElfEngineOptions = {
  /** where the engine keeps what it did in each process; made if absent */
  journalDir: string;
  /** called at each step, after it is taken */
  onStep?: (step: Step) => void;
};

/** A process of a patch's build, the record that it has of the patch, and those of the patches whose place it takes there. */
type Target = { process: ProcessId; record: JournalRecord | undefined; replaced: readonly JournalRecord[] };

/** What an outcome says of one process that needs nothing more, and of one that `apply` would patch. */
const alreadyApplied = { code: "already-applied", detail: "the patch is in" } as const;
const ready = { code: "applied", detail: "ready" } as const;

/**
 * The engine for running user-space processes on x86-64 Linux: functions of every process that runs the variant's build are
 * sent to their replacements while all of the process's threads are stopped and none is inside.
 *
 * A patch's targets are all processes that map the build. `apply` may be called again at any time: it patches those that started
 * since. Where one process cannot be patched, those that this call patched are undone, so the host is not left half patched.
 * A patch goes in for those that it `replaces` in one stop; `undo` of it puts them back in one stop, until they are undone themselves.
 * An undo leaves the payload in memory, for anything may still lead into it; it is used again when the same patch is applied again.
 * Evidence: `functions`, `pauseMicros` (the longest), and `processes` with pid, startTime, code, threads, attempts, pauseMicros, and
 * residentBytes, the memory that payloads take there.
 *
 * One step at a time: whoever calls it waits for an answer before the next call. Throws `state-damaged` for a journal that
 * cannot be read.
 */
export function createElfEngine({ journalDir, onStep = () => {} }: ElfEngineOptions): Engine {
  const files = createFileCache();
  const tools: Tools = {
    machine: x86_64,
    scanner: createBuildScanner(),
    journal: openJournal(journalDir),
    files,
    rehearsal: openRehearsal(x86_64, files),
    onStep,
  };

  /** Does something for each process of a patch's build that does not have the patch. */
  const forEachTarget = async (
    patch: ElfPatch,
    has: Result,
    work: (target: Target) => Promise<Result> | Result,
  ): Promise<ProcessOutcome[]> => {
    const { buildId } = patch.variant.match;
    const records = currentRecords(tools, patch.id);
    const replaces = (patch.replaces ?? []).flatMap((id) => currentRecords(tools, id));
    const outcomes: ProcessOutcome[] = [];
    for (const process of processesOf(tools, buildId)) {
      const known = records.find((each) => isOf(each, process, buildId));
      const record = known ?? adoptFound(tools, patch.id, buildId, [], [process])[0];
      const done = async () => {
        if (record && isIn(tools, record)) return has;
        const successor = record && successorOf(tools, record);
        if (successor && patch.replaces?.includes(successor.patch) !== true) {
          return { code: "not-applicable", detail: `${successor.patch} replaces it` } as const;
        }
        return work({ process, record, replaced: replacedIn(tools, process, patch, replaces) });
      };
      outcomes.push(await attempt(process, done));
    }
    return outcomes;
  };

  /** The record of a process that has the payload and no jumps. What a killed agent left applied in part is reverted first. */
  const staged = async (patch: ElfPatch, { process, record, replaced }: Target): Promise<JournalRecord> => {
    await tools.rehearsal.begin();
    if (record && record.stage !== "staged") await undoRecord(tools, record);
    return await stageProcess(tools, process, patch, replaced);
  };

  /** Takes a patch back from the processes that a failed step has touched. */
  const takeBack = async (patch: ElfPatch, outcomes: readonly ProcessOutcome[]): Promise<void> => {
    const untouched = outcomes.filter(({ code }) => code === "already-applied").map(({ pid }) => pid);
    for (const record of currentRecords(tools, patch.id)) {
      if (!untouched.includes(record.pid)) await undoRecord(tools, record);
    }
  };

  /** Ends the process of our own that the work was rehearsed on, if it was. */
  const rehearsed = <T>(work: () => Promise<T>): Promise<T> => work().finally(() => tools.rehearsal.end());

  return {
    name: "elf",

    async detect(wanted) {
      const reason = whyUnsupported();
      return { supported: reason === "", reason, facts: reason === "" ? tools.scanner.scan(wanted) : {} };
    },

    async check(patch: ElfPatch) {
      const reason = whyUnsupported();
      if (reason !== "") return { code: "unsupported", detail: reason, evidence: {} };
      const outcomes = await forEachTarget(patch, alreadyApplied, ({ process, record, replaced }) => {
        if (!record) prepareProcess(tools, process, patch, replaced);
        return ready;
      });
      return summary(patch, outcomes);
    },

    stage: (patch: ElfPatch) =>
      rehearsed(async () => {
        const outcomes = await forEachTarget(patch, alreadyApplied, async (target) => {
          await staged(patch, target);
          return ready;
        });
        const outcome = summary(patch, outcomes);
        if (!isGood(outcome)) await takeBack(patch, outcomes);
        return outcome;
      }),

    apply: (patch: ElfPatch) =>
      rehearsed(async () => {
        const outcomes = await forEachTarget(patch, alreadyApplied, async (target) => {
          const record = await staged(patch, target);
          await tools.rehearsal.begin();
          const report = await redirectProcess(tools, record);
          return { code: "applied", detail: "patched", ...report, residentBytes: bytesOf(payloadsOf(target.process)) };
        });
        const outcome = summary(patch, outcomes);
        if (!isGood(outcome)) await takeBack(patch, outcomes);
        return outcome;
      }),

    async verify(patch: ElfPatch) {
      const has = { code: "applied", detail: "the patch is in" } as const;
      const lacks = { code: "failed", detail: "it runs the build without the patch" } as const;
      const outcomes = await forEachTarget(patch, has, () => lacks);
      return summary(patch, outcomes);
    },

    undo: (patchId, builds = []) =>
      rehearsed(async () => {
        const outcomes: ProcessOutcome[] = [];
        const known = currentRecords(tools, patchId);
        const everApplied = new Set([...builds, ...buildsOf(tools, patchId)]);
        const records = [...known, ...[...everApplied].flatMap((build) => adoptFound(tools, patchId, build, known))];
        if (records.length > 0) await tools.rehearsal.begin();
        for (const record of records) outcomes.push(await undoRecord(tools, record));
        return undoSummary(outcomes);
      }),

    async list() {
      const patches = new Set(tools.journal.all().map(({ patch }) => patch));
      return [...patches].flatMap((id) => {
        const targets = currentRecords(tools, id)
          .filter((record) => inspect(tools, record) === "in")
          .map(({ pid }) => ({ name: programName(pid), pid }));
        return targets.length > 0 ? [{ id, targets }] : [];
      });
    },

    async recover() {
      const outcomes: Outcome[] = [];
      forgetEnded(tools);
      for (const patch of new Set(tools.journal.all().map((record) => record.patch))) {
        for (const record of currentRecords(tools, patch)) {
          const outcome = await recoverRecord(tools, record);
          if (outcome) outcomes.push({ ...outcome, evidence: { patch, ...evidenceOf([outcome]) } });
        }
      }
      return outcomes;
    },
  };
}

type Result = Omit<ProcessOutcome, keyof ProcessId>;

function isIn(tools: Tools, record: JournalRecord): boolean {
  return record.stage === "applied" && inspect(tools, record) === "in";
}

function isOf(record: JournalRecord, { pid, startTime }: ProcessId, buildId: string): boolean {
  return record.pid === pid && record.startTime === startTime && record.buildId === buildId;
}

function isGood({ code }: Outcome): boolean {
  return code === "applied" || code === "already-applied";
}
