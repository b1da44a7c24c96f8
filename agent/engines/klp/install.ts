import type { Outcome } from "../engine.ts";
import { inspect } from "./inspect.ts";
import { allLivepatches, forceTransition, isLoaded, taintOf } from "./livepatches.ts";
import { insmodRefusal, outcome } from "./outcomes.ts";
import type { KlpRecord, Records } from "./records.ts";
import { remove } from "./remove.ts";
import { awaitTransition, awaitTurn, noticeSeconds, reverse, type Waiting } from "./transition.ts";

export type Tools = Waiting & {
  records: Records;
  bootId: string;
  /** called after each step */
  onStep: (step: string) => void;
};

/** Puts a staged module into the kernel and sees it through: in whole and healthy, or out again with the reason why. */
export async function install(tools: Tools, staged: KlpRecord, { force }: { force: boolean }): Promise<Outcome> {
  const { kernel, records, clock, onStep } = tools;
  const { patch, module, stallSeconds } = staged;
  const other = await awaitTurn(tools, stallSeconds);
  if (other !== undefined) return outcome("blocked", `${other} is on its way in or out`);

  const before = { taint: taintOf(kernel), log: kernel.log(-1).at(-1)?.sequence ?? -1 };
  const record: KlpRecord = { ...staged, stage: "applying", before };
  records.write(record);
  onStep("applying");
  const started = clock.now();
  const loaded = await records.withFile(record, (file) => kernel.insmod(file));
  const insmodMs = clock.now() - started;
  onStep("loaded");
  if (loaded.error !== null) {
    records.write(staged);
    return insmodRefusal(loaded.error, loaded.message, linesSince(tools, before.log));
  }

  const waited = await awaitTransition(tools, { patch, module, wanted: 1, seconds: stallSeconds });
  onStep("transitioned");
  if (!waited.done && force) return await forceThrough(tools, record, waited.blockers);
  if (!waited.done) return await takeBackStalled(tools, record, waited);

  const { trouble, ...found } = inspect(kernel, record);
  if (trouble !== "") {
    const back = await remove(tools, record);
    return outcome("failed", `${trouble}; ${back.detail}`, { module, ...found, undo: back.code });
  }
  records.write({ ...record, stage: "applied" });
  onStep("applied");
  const replaced = await removeReplaced(tools, module);
  const absent = found.objects.filter(({ state }) => state === "not-loaded").map(({ object }) => object);
  const rest = absent.length === 0 ? "" : `; ${absent.join(", ")} is not loaded and is patched when it is`;
  const evidence = { module, insmodMs, transitionMs: waited.millis, ...found, replaced };
  return outcome("applied", `${module} is in${rest}`, evidence);
}

async function takeBackStalled(
  tools: Tools,
  record: KlpRecord,
  { millis, blockers }: { millis: number; blockers: readonly unknown[] },
): Promise<Outcome> {
  const { patch, module } = record;
  const seconds = Math.round(millis / 1000);
  tools.records.write({ ...record, stage: "undoing" });
  await reverse(tools, patch, module, false);
  tools.onStep("reversed");
  const back = await remove(tools, { ...record, stage: "undoing" });
  const evidence = { module, waitedSeconds: seconds, blockers, undo: back.code };
  const who = blockers.length === 0 ? "tasks" : `${blockers.length} tasks`;
  if (back.code !== "undone")
    return outcome("undo-pending", `${who} stayed in the old code, and ${back.detail}`, evidence);
  return outcome("stalled", `${who} did not leave the old code in ${seconds} s; it was taken back`, evidence);
}

async function forceThrough(tools: Tools, record: KlpRecord, blockers: readonly unknown[]): Promise<Outcome> {
  const { patch, module } = record;
  tools.records.write({ ...record, stage: "applied", forced: true });
  forceTransition(tools.kernel, module);
  tools.onStep("forced");
  await awaitTransition(tools, { patch, module, wanted: 1, seconds: noticeSeconds });
  const { trouble, ...found } = inspect(tools.kernel, record);
  const evidence = { module, forced: true, blockers, ...found };
  if (trouble !== "") return outcome("failed", `forced, but ${trouble}`, evidence);
  return outcome(
    "applied",
    `${module} is in, by force: its module and those it replaced stay until a reboot`,
    evidence,
  );
}

/** Unloads our modules that a cumulative one took the place of. Their records say so until somebody undoes them. */
async function removeReplaced({ kernel, records, bootId }: Tools, module: string): Promise<string[]> {
  const enabled = new Set(allLivepatches(kernel).map((livepatch) => livepatch.module));
  const replaced = records
    .all()
    .filter((each) => each.bootId === bootId && each.stage === "applied" && !enabled.has(each.module));
  for (const each of replaced) {
    records.write({ ...each, stage: "replaced", replacedBy: module });
    if (isLoaded(kernel, each.module)) await kernel.rmmod(each.module);
  }
  return replaced.map((each) => each.module);
}

function linesSince({ kernel }: Tools, sequence: number): string[] {
  return kernel
    .log(sequence)
    .map(({ text }) => text)
    .slice(-10);
}
