import { setTimeout as sleep } from "node:timers/promises";
import { SutureError } from "../../../protocol/errors.ts";
import { programName, programStart } from "../../system/proc.ts";
import { trustDomainOf } from "../../system/trust-domain.ts";
import type { ElfPatch, Engine, Outcome } from "../engine.ts";
import { createBuildScanner } from "./builds.ts";
import { inOrder, isOwnDomain, sameDomain } from "./domains.ts";
import { createFileCache } from "./file-cache.ts";
import { inspect } from "./inspect.ts";
import { type JournalRecord, openJournal } from "./journal.ts";
import { bootId, isAlive, type ProcessId } from "./memory.ts";
import { withoutOtherBuilds } from "./other-build.ts";
import {
  attempt,
  isSkipped,
  type Judged,
  keyOf,
  leftAlone,
  named,
  type ProcessOutcome,
  type ProcessResult,
  ranAnew,
} from "./outcomes.ts";
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
import { bytesOf, heldPayloads, payloadsOf } from "./resident.ts";
import { createRetries } from "./retries.ts";
import { revertFailed } from "./revert-failed.ts";
import { prepareProcess, stageProcess } from "./staging.ts";
import { evidenceOf, summary, undoSummary } from "./summary.ts";
import { replacedIn, successorOf } from "./supersede.ts";
import { whyUnsupported } from "./support.ts";
import { whoTraces } from "./tracer.ts";
import { x86_64 } from "./x86-64.ts";

export type ElfEngineOptions = {
  /** where the engine keeps what it did in each process; made if absent */
  journalDir: string;
  /** called at each step, after it is taken */
  onStep?: (step: Step) => void;
};

/** A process of a patch's build, the record that it has of the patch, and those of the patches whose place it takes there. */
type Target = { process: ProcessId; record: JournalRecord | undefined; replaced: readonly JournalRecord[] };

/** Looks for processes that were born while a patch was applied; each but the last finds something new to do. */
const passes = 10;
/** A process lacks a patch where it does at so many looks, this far apart (milliseconds): one that serves a single request has ended. */
const looks = 4;
const betweenLooks = 250;
/** Work on processes of other trust domains than the agent's own takes no longer in one step; milliseconds. */
const timeForOthers = 30_000;

/** What an outcome says of one process that needs nothing more, and of one that `apply` would patch. */
const alreadyApplied = { code: "already-applied", detail: "the patch is in" } as const;
const ready = { code: "applied", detail: "ready" } as const;

/**
 * The engine for running user-space processes on x86-64 Linux: functions of every process that runs the variant's build are
 * sent to their replacements while all of the process's threads are stopped and none is inside.
 *
 * A patch's targets are all processes that map the build. `apply` may be called again at any time: it patches those that started
 * since. Within one trust domain (user, user namespace, container) it is all or nothing: where one process cannot be patched, those that
 * this call patched are reverted. Another domain decides nothing: what cannot be patched there is named, and counted in `partial`.
 * A patch goes in for those that it `replaces` in one stop; `undo` of it puts them back in one stop, until they are undone themselves.
 * An undo leaves the payload in memory, for anything may still lead into it; it is used again when the same patch is applied again.
 * Evidence: `functions`, `pauseMicros` (the longest), `processes` with pid, startTime, code, threads, attempts, pauseMicros, and
 * residentBytes, the memory that payloads take there (program and owner where it was skipped), and `partial` (protocol/wire/partial.ts)
 * where some have the patch and some lack it.
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
  const retries = createRetries(() => performance.now());

  /**
   * Does something for each process of a patch's build that does not have the patch, but for those in `known`.
   * @param untilFailed whether the rest of a trust domain is left alone once a process of it failed, for nothing may stay of the patch there
   */
  const forEachTarget = async (
    patch: ElfPatch,
    has: ProcessResult,
    work: (target: Target) => Promise<ProcessResult> | ProcessResult,
    { known = new Map(), untilFailed = false }: { known?: ReadonlyMap<string, Judged>; untilFailed?: boolean } = {},
  ): Promise<Judged[]> => {
    const { buildId } = patch.variant.match;
    const records = currentRecords(tools, patch.id);
    const replaces = (patch.replaces ?? []).flatMap((id) => currentRecords(tools, id));
    const judged: Judged[] = [];
    let spentOnOthers = 0;
    for (const { process, domain } of inOrder(processesOf(tools, buildId))) {
      if (known.has(keyOf(process))) continue;
      const isFailed = (each: Judged) => isSkipped(each.outcome) && sameDomain(each.domain, domain);
      const failed = untilFailed ? [...known.values(), ...judged].find(isFailed) : undefined;
      const done = async (): Promise<ProcessResult> => {
        const found = records.find((each) => isOf(each, process, buildId));
        const record = found ?? adoptFound(tools, patch.id, buildId, [], [process])[0];
        if (record && isIn(tools, record)) return has;
        const successor = record && successorOf(tools, record);
        if (successor && patch.replaces?.includes(successor.patch) !== true) {
          return { code: "not-applicable", detail: `${successor.patch} replaces it` };
        }
        if (failed) return leftAlone(failed);
        const tracer = whoTraces(process.pid);
        if (tracer !== undefined) return { code: "blocked", detail: tracer };
        if (spentOnOthers > timeForOthers && !isOwnDomain(domain)) {
          return { code: "blocked", detail: "too many processes of other users came first: it is tried again" };
        }
        return await work({ process, record, replaced: replacedIn(tools, process, patch, replaces) });
      };
      const begin = performance.now();
      judged.push({ process, domain, outcome: await attempt(process, done, programStart) });
      if (!isOwnDomain(domain)) spentOnOthers += performance.now() - begin;
    }
    return withoutOtherBuilds(tools, patch, judged);
  };

  /**
   * The record of a process that has the payload and no jumps. What a killed agent left applied in part, or an undo that had to wait, is
   * reverted first. Throws `blocked` where that cannot be: the patch would be stacked on top of itself, and its next undo leave the lower one.
   */
  const staged = async (patch: ElfPatch, { process, record, replaced }: Target): Promise<JournalRecord> => {
    await tools.rehearsal.begin();
    if (record && record.stage !== "staged") {
      const { code, detail } = await undoRecord(tools, record);
      if (code !== "undone") throw new SutureError(code === "not-applicable" ? code : "blocked", detail);
    }
    return await stageProcess(tools, process, patch, replaced);
  };

  /**
   * Applies a patch to the processes that lack it, and to those that are born meanwhile: a program that forks for each request has new ones
   * at each look. It ends when a look finds nothing new to do.
   */
  const applyUntilQuiet = async (patch: ElfPatch): Promise<Judged[]> => {
    const known = new Map<string, Judged>();
    const isKept = currentRecords(tools, patch.id).some((record) => isIn(tools, record));
    const work = async (target: Target): Promise<ProcessResult> => {
      const record = await staged(patch, target);
      await tools.rehearsal.begin();
      const report = await redirectProcess(tools, record, patch.variant.suspendedFrames === "refuse");
      return { code: "applied", detail: "patched", ...report, residentBytes: bytesOf(payloadsOf(target.process)) };
    };
    for (let pass = 1; pass <= passes; pass++) {
      const judged = await forEachTarget(
        patch,
        alreadyApplied,
        (target) => retries.unlessPutOff(`${patch.id} ${keyOf(target.process)}`, isKept, () => work(target)),
        { known, untilFailed: true },
      );
      for (const each of judged) {
        const isAnew = each.outcome.detail === ranAnew;
        // It is looked at again, under the same number
        if (isAnew && pass < passes) continue;
        const blocked = {
          ...each.outcome,
          code: "blocked",
          detail: "it runs its program anew again and again",
        } as const;
        known.set(keyOf(each.process), isAnew && isAlive(each.process) ? { ...each, outcome: blocked } : each);
      }
      if (!judged.some(({ outcome }) => outcome.code !== "already-applied")) break;
    }
    return [...known.values()];
  };

  /** Ends the process of our own that the work was rehearsed on, if it was. */
  const rehearsed = <T>(work: () => Promise<T>): Promise<T> => work().finally(() => tools.rehearsal.end());

  return {
    name: "elf",

    async detect(wanted) {
      const reason = whyUnsupported();
      if (reason !== "") return { supported: false, reason, facts: {} };
      const payloads = heldPayloads(tools.journal, bootId());
      return { supported: true, reason, facts: { ...tools.scanner.scan(wanted), ...(payloads && { payloads }) } };
    },

    async check(patch: ElfPatch) {
      const reason = whyUnsupported();
      if (reason !== "") return { code: "unsupported", detail: reason, evidence: {} };
      const judged = await forEachTarget(patch, alreadyApplied, ({ process, record, replaced }) => {
        if (!record) prepareProcess(tools, process, patch, replaced);
        return ready;
      });
      return summary(patch, judged);
    },

    stage: (patch: ElfPatch) =>
      rehearsed(async () => {
        const work = async (target: Target) => {
          await staged(patch, target);
          return ready;
        };
        const judged = await forEachTarget(patch, alreadyApplied, work, { untilFailed: true });
        return summary(patch, await revertFailed(tools, patch, judged));
      }),

    apply: (patch: ElfPatch) =>
      rehearsed(async () => summary(patch, await revertFailed(tools, patch, await applyUntilQuiet(patch)))),

    async verify(patch: ElfPatch) {
      const has = { code: "applied", detail: "the patch is in" } as const;
      const lacks = { code: "failed", detail: "it runs the build without the patch" } as const;
      const lacking = new Map<string, number>();
      for (let look = 1; ; look++) {
        const judged = await forEachTarget(patch, has, () => lacks);
        for (const { process } of judged.filter(({ outcome }) => isSkipped(outcome))) {
          lacking.set(keyOf(process), 1 + (lacking.get(keyOf(process)) ?? 0));
        }
        const stays = ({ process, outcome }: Judged) => !isSkipped(outcome) || lacking.get(keyOf(process)) === look;
        if (look === looks || !judged.some(({ outcome }) => isSkipped(outcome))) {
          return summary(patch, judged.filter(stays));
        }
        await sleep(betweenLooks);
      }
    },

    undo: (patchId, builds = []) =>
      rehearsed(async () => {
        const outcomes: ProcessOutcome[] = [];
        const known = currentRecords(tools, patchId);
        const everApplied = new Set([...builds, ...buildsOf(tools, patchId)]);
        const records = [...known, ...[...everApplied].flatMap((build) => adoptFound(tools, patchId, build, known))];
        if (records.length > 0) await tools.rehearsal.begin();
        for (const record of records) outcomes.push(withOwner(await undoRecord(tools, record)));
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

function isIn(tools: Tools, record: JournalRecord): boolean {
  return record.stage === "applied" && inspect(tools, record) === "in";
}

function isOf(record: JournalRecord, { pid, startTime }: ProcessId, buildId: string): boolean {
  return record.pid === pid && record.startTime === startTime && record.buildId === buildId;
}

/** Says whose process it is that a patch could not be undone in. */
function withOwner(outcome: ProcessOutcome): ProcessOutcome {
  const domain = outcome.code === "undone" ? null : trustDomainOf(outcome.pid);
  return domain === null ? outcome : named({ process: outcome, domain, outcome });
}
