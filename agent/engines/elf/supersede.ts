import { SutureError } from "../../../protocol/errors.ts";
import type { ElfPatch } from "../engine.ts";
import { inspect } from "./inspect.ts";
import type { JournalRecord } from "./journal.ts";
import type { ProcessId } from "./memory.ts";
import { note, type Tools } from "./process.ts";

/**
 * Those of some records that a patch replaces in a process: they are applied there, to the same build. On top of one that is only partly
 * applied the patch is stacked.
 */
export function replacedIn(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  records: readonly JournalRecord[],
): JournalRecord[] {
  return records.filter(
    (record) =>
      record.pid === process.pid &&
      record.startTime === process.startTime &&
      record.buildId === patch.variant.match.buildId &&
      record.stage === "applied" &&
      inspect(tools, record) === "in",
  );
}

/** The patch that replaced another in its process, and whose undo would still apply that one again. */
export function successorOf(tools: Tools, replaced: JournalRecord): JournalRecord | undefined {
  const { buildId, patch } = replaced;
  return tools.journal
    .of(replaced)
    .find(
      (record) =>
        record.buildId === buildId &&
        record.instead?.patches.includes(patch) === true &&
        hasPlace.includes(record.stage),
    );
}

const hasPlace: readonly JournalRecord["stage"][] = ["applying", "applied", "undoing"];

/**
 * Undoes a patch that a successor replaced: nothing leads to it, so that it only has to be forgotten. An undo of the successor leaves the
 * functions as they are in the file from now on. Throws `blocked` where the successor is being applied or undone.
 */
export function retire(tools: Tools, record: JournalRecord, successor: JournalRecord): void {
  if (successor.stage !== "applied" || inspect(tools, successor) !== "in") {
    throw new SutureError("blocked", `${successor.patch}, which replaces it, is being applied or undone`);
  }
  const { instead, ...alone } = successor;
  const patches = (instead?.patches ?? []).filter((patch) => patch !== record.patch);
  const left = patches.length > 0 ? { instead: { patches, entries: successor.jumps, replaced: [] } } : {};
  note(tools, { ...alone, ...left }, "applied");
  note(tools, record, "resident");
}
