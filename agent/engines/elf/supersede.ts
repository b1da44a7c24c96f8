import { SutureError } from "../../../protocol/errors.ts";
import type { ElfPatch } from "../engine.ts";
import { inspect } from "./inspect.ts";
import type { JournalRecord } from "./journal.ts";
import type { ProcessId } from "./memory.ts";
import { note, releaseProcess, type Tools } from "./process.ts";

/**
 * Those of some records that a patch takes the place of in a process: they are in it, of the same build. One that is only half in has no
 * place to give; the patch goes over what is left of it.
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

/** The patch that has another's place in its process, and can still give it back. */
export function heirOf(tools: Tools, replaced: JournalRecord): JournalRecord | undefined {
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
 * Frees the memory of a patch whose place another has: nobody was inside when it changed hands, and nothing leads there since. Its heir
 * leaves the functions as they are in the file from now on. Throws `blocked` where the heir is on its way in or out.
 */
export function retire(tools: Tools, record: JournalRecord, heir: JournalRecord): void {
  if (heir.stage !== "applied" || inspect(tools, heir) !== "in") {
    throw new SutureError("blocked", `${heir.patch} is on its way into its place, or out of it`);
  }
  const { instead, ...alone } = heir;
  const patches = (instead?.patches ?? []).filter((patch) => patch !== record.patch);
  const left = patches.length > 0 ? { instead: { patches, entries: heir.jumps, replaced: [] } } : {};
  note(tools, { ...alone, ...left }, "applied");
  releaseProcess(tools, record);
}
