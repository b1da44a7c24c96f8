import type { Outcome } from "../engine.ts";
import type { Tools } from "./install.ts";
import { forceTransition, isLoaded, livepatchOf } from "./livepatches.ts";
import { outcome } from "./outcomes.ts";
import type { KlpRecord } from "./records.ts";
import { awaitTransition, noticeSeconds, reverse, turn } from "./transition.ts";

const unloadTries = 20;
const unloadPause = 100;

/**
 * Takes a module out, however far in it is. Where tasks stay in its code beyond the deadline the patch stays in whole, with those
 * tasks as evidence, unless it is to be forced.
 */
export async function remove(tools: Tools, found: KlpRecord, { force = false } = {}): Promise<Outcome> {
  const { kernel, records, bootId, onStep } = tools;
  const { patch, module, stallSeconds } = found;
  let record = found;
  if (record.bootId !== bootId) {
    records.remove(record);
    return outcome("undone", "it went with the last boot");
  }
  if (record.stage === "staged") {
    // A module of that name in the kernel would be somebody else's
    records.remove(record);
    return outcome("undone", "nothing of it was in");
  }
  if (livepatchOf(kernel, module) !== undefined) {
    records.write({ ...record, stage: "undoing" });
    onStep("undoing");
    const waited = await turn(tools, { patch, module, enabled: false, seconds: stallSeconds });
    if ("busyWith" in waited) {
      return outcome("undo-pending", `${waited.busyWith} is on its way in or out`, { module });
    }
    if (!waited.done && force) {
      record = { ...record, stage: "undoing", forced: true };
      records.write(record);
      forceTransition(kernel, module);
      onStep("forced");
      await awaitTransition(tools, { patch, module, wanted: 0, seconds: noticeSeconds });
    } else if (!waited.done) {
      // A patch that was in stays in whole; one that never was is on its way out for good
      if (record.stage === "applied") {
        await reverse(tools, patch, module, true);
        records.write(record);
      }
      return outcome("undo-pending", `${waited.blockers.length} tasks stay in the patched code`, {
        module,
        blockers: waited.blockers,
      });
    }
    onStep("disabled");
  }
  const left = await unload(tools, module);
  onStep("unloaded");
  if (left !== "" && !record.forced)
    return outcome("undo-pending", `${module} is disabled but stays loaded: ${left}`, { module });
  if (left === "") {
    records.remove(record);
    return outcome("undone", `${module} is out`, { module });
  }
  records.write({ ...record, stage: "pinned" });
  return outcome("undone", `${module} is disabled; it was forced, so the kernel keeps it loaded until a reboot`, {
    module,
    forced: true,
  });
}

/** Unloads a disabled module; what keeps it is the answer, empty where nothing does. */
async function unload({ kernel, clock }: Tools, module: string): Promise<string> {
  let why = "";
  for (let tries = 0; tries < unloadTries && isLoaded(kernel, module); tries++) {
    if (tries > 0) await clock.sleep(unloadPause);
    why = (await kernel.rmmod(module)).message;
  }
  return isLoaded(kernel, module) ? why || "the kernel does not let it go" : "";
}
