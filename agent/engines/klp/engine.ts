import type { Clock } from "../../system/clock.ts";
import type { Engine, KlpPatch, Outcome } from "../engine.ts";
import { checkPatch } from "./check.ts";
import { inspect } from "./inspect.ts";
import { install, type Tools } from "./install.ts";
import type { Kernel } from "./kernel.ts";
import { allLivepatches, isLoaded, livepatchOf } from "./livepatches.ts";
import { outcome, refusal } from "./outcomes.ts";
import { type KlpRecord, openRecords } from "./records.ts";
import { remove } from "./remove.ts";
import { signaturesOf, whyUnsupported } from "./support.ts";
import { awaitTransition, type Progress } from "./transition.ts";

export type KlpEngineOptions = {
  kernel: Kernel;
  clock: Clock;
  /** of this boot, as /proc/sys/kernel/random/boot_id has it */
  bootId: string;
  /** where the engine keeps its records and staged modules; made if absent */
  directory: string;
  /** told every few seconds while tasks are waited for */
  onProgress?: (progress: Progress) => void;
  /** called at each step, after it is taken */
  onStep?: (step: string) => void;
};

/** A check-in tells of no more livepatches, nor objects of one (protocol/wire/host.ts). */
const maxTold = 64;

/** The engine, and what no plan can order. */
export type KlpEngine = Engine & {
  /** Applies a patch and, where tasks do not leave the old code in time, ends the transition by force. */
  force(patch: KlpPatch): Promise<Outcome>;
  /** Likewise on the way out. */
  forceUndo(patchId: string): Promise<Outcome>;
};

/**
 * The engine for the kernel: modules of upstream livepatch, which kpatch, SUSE and Canonical all ship, loaded by kmod and driven
 * through sysfs. Modules that somebody else loaded are listed and never touched.
 *
 * One step at a time: whoever calls it waits for an answer before the next call. Evidence: `module`, `insmodMs`, `transitionMs`,
 * `objects`, `taint`, `log`, `replaced`; of a stall, `waitedSeconds` and `blockers`.
 * @see Documentation/livepatch/livepatch.rst; Documentation/ABI/testing/sysfs-kernel-livepatch
 */
export function createKlpEngine(options: KlpEngineOptions): KlpEngine {
  const { kernel, clock, bootId, directory, onProgress = () => {}, onStep = () => {} } = options;
  const records = openRecords(directory);
  const tools: Tools = { kernel, clock, bootId, records, onProgress, onStep };

  /** The patch's record of this boot. */
  const recordOf = (patch: string) => {
    const record = records.of(patch);
    return record?.bootId === bootId ? record : undefined;
  };
  const isIn = ({ stage, module }: KlpRecord) => {
    const livepatch = livepatchOf(kernel, module);
    return stage === "applied" && livepatch?.enabled === true && !livepatch.transition;
  };
  const isReplaced = ({ stage, replacedBy }: KlpRecord) =>
    stage === "replaced" && livepatchOf(kernel, replacedBy ?? "") !== undefined;

  const foretell = (patch: KlpPatch): Outcome => {
    const record = recordOf(patch.id);
    if (record && isReplaced(record)) return outcome("not-applicable", `${record.replacedBy} took its place`);
    if (record && patch.variant.match.kernel === kernel.release && isIn(record))
      return outcome("already-applied", `${record.module} is in`);
    const file = checkPatch(kernel, records, patch);
    if (record?.forced === true && isLoaded(kernel, record.module))
      return outcome("needs-reboot", `${record.module} was forced: the kernel keeps it until a reboot`);
    return outcome("applied", "ready", { module: patch.variant.module, functions: file.functions });
  };
  const attempt = async (work: () => Promise<Outcome> | Outcome): Promise<Outcome> => {
    try {
      return await work();
    } catch (error) {
      return refusal(error);
    }
  };
  const stage = (patch: KlpPatch): KlpRecord => {
    const { module, objects, taint, stallSeconds, bundle } = patch.variant;
    const record: KlpRecord = {
      patch: patch.id,
      module,
      stage: "staged",
      sha256: bundle.payload.sha256,
      objects,
      taint,
      stallSeconds,
      bootId,
      before: { taint: 0, log: -1 },
      forced: false,
      replacedBy: null,
    };
    records.write(record);
    onStep("noted");
    records.putFile(record, patch.payload);
    onStep("staged");
    return record;
  };
  const apply = (patch: KlpPatch, force: boolean) =>
    attempt(async () => {
      const foretold = foretell(patch);
      if (foretold.code !== "applied") return foretold;
      const record = recordOf(patch.id);
      // What a killed agent left there goes first
      if (record !== undefined && record.stage !== "staged") {
        const back = await remove(tools, record);
        if (back.code !== "undone") return back;
      }
      return await install(tools, record?.stage === "staged" ? record : stage(patch), { force });
    });

  const undo = async (patchId: string, force: boolean): Promise<Outcome> => {
    const record = records.of(patchId);
    return record === undefined ? outcome("undone", "nothing of it was in") : await remove(tools, record, { force });
  };

  return {
    name: "klp",

    async detect() {
      const reason = whyUnsupported(kernel);
      const loaded = allLivepatches(kernel)
        .slice(0, maxTold)
        .map((livepatch) => {
          const record = records.ofModule(livepatch.module);
          const objects = livepatch.objects.slice(0, maxTold);
          return {
            ...livepatch,
            objects,
            patch: record?.bootId === bootId && record.stage !== "staged" ? record.patch : null,
          };
        });
      const facts = { livepatch: { signatures: signaturesOf(kernel), loaded } };
      return { supported: reason === "", reason, facts: reason === "" || loaded.length > 0 ? facts : {} };
    },

    check: (patch: KlpPatch) => attempt(() => foretell(patch)),

    stage: (patch: KlpPatch) =>
      attempt(() => {
        const foretold = foretell(patch);
        if (foretold.code === "applied" && recordOf(patch.id)?.stage !== "staged") stage(patch);
        return foretold;
      }),

    apply: (patch: KlpPatch) => apply(patch, false),
    force: (patch: KlpPatch) => apply(patch, true),

    async verify({ id, variant }: KlpPatch) {
      const record = recordOf(id);
      if (variant.match.kernel !== kernel.release)
        return outcome("not-applicable", `the patch is for kernel ${variant.match.kernel}`);
      if (record?.stage !== "applied") return outcome("failed", `${variant.module} is not in`);
      const { trouble, ...found } = inspect(kernel, record);
      const evidence = { module: record.module, ...found };
      return trouble === ""
        ? outcome("applied", `${record.module} is in`, evidence)
        : outcome("failed", trouble, evidence);
    },

    undo: (patchId) => undo(patchId, false),
    forceUndo: (patchId) => undo(patchId, true),

    list: async () =>
      records
        .all()
        .filter((record) => record.bootId === bootId && isIn(record))
        .map(({ patch, module, objects }) => ({
          id: patch,
          targets: [{ name: module }, ...objects.map((name) => ({ name }))],
        })),

    async recover() {
      const outcomes: Outcome[] = [];
      for (const record of records.all()) {
        const done = await recoverRecord(tools, record);
        if (done !== undefined) outcomes.push({ ...done, evidence: { patch: record.patch, ...done.evidence } });
      }
      return outcomes;
    },
  };
}

/** Finishes what was complete but not noted, reverts what was not; undefined where there was nothing to do. */
async function recoverRecord(tools: Tools, record: KlpRecord): Promise<Outcome | undefined> {
  const { kernel, records, bootId } = tools;
  const { patch, module, stage, stallSeconds } = record;
  if (record.bootId !== bootId) {
    records.remove(record);
    return undefined;
  }
  if (stage === "applied" || stage === "replaced" || stage === "pinned") return undefined;
  if (stage === "applying" && livepatchOf(kernel, module) !== undefined) {
    await awaitTransition(tools, { patch, module, wanted: 1, seconds: stallSeconds });
    if (inspect(kernel, record).trouble === "") {
      records.write({ ...record, stage: "applied" });
      return outcome("applied", `finished: ${module} is in`, { module });
    }
  }
  return await remove(tools, record);
}
