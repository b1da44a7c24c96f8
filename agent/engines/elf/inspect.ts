import { SutureError } from "../../../protocol/errors.ts";
import { type ProcessMemory, readMappings } from "../../system/proc.ts";
import { holdsPlacement } from "./header.ts";
import type { Entry, JournalRecord, Placement } from "./journal.ts";
import { layersAt, type View } from "./layers.ts";
import type { Machine } from "./machine.ts";
import { isGone, withMemory } from "./memory.ts";

type Context = { machine: Machine };

/** What a patch changes in a process, and what its undo reverts: with the functions of the patches that it replaced. */
export function entriesOf(record: JournalRecord): readonly Entry[] {
  return record.instead?.entries ?? record.jumps;
}

/**
 * What a patch looks like in a process now, by the target's own memory. "out": it is there and nothing leads to it. "absent": neither
 * payload nor jumps are there, as in a process that became another program, or ended. "foreign": bytes that we know nothing of.
 * Throws where a process that lives cannot be read.
 */
export function inspect(context: Context, record: JournalRecord): Found {
  try {
    return withMemory(record, (memory) => inspectMemory(context, record, memory));
  } catch (error) {
    if (!isGone(record)) throw error;
    return "absent";
  }
}

type Found = "in" | "out" | "partly in" | "absent" | "foreign";

function inspectMemory(context: Context, record: JournalRecord, memory: ProcessMemory): Found {
  const states = entriesOf(record).map((entry) => stateOf(context, record, memory, entry).state);
  if (!isOurs(memory, record)) return states.includes("in") ? "foreign" : "absent";
  if (states.includes("foreign")) return "foreign";
  if (states.every((state) => state === "in")) return "in";
  return states.includes("in") ? "partly in" : "out";
}

/**
 * Those of a patch's entries that an undo has to write. Throws `blocked` where another patch is stacked on top of one of them, for to
 * revert this one would revert that one too; `engine-failed` where somebody else changed one.
 */
export function entriesToRestore(context: Context, record: JournalRecord, memory: ProcessMemory): Entry[] {
  return entriesOf(record).filter((entry) => {
    const { state, cover } = stateOf(context, record, memory, entry);
    if (cover) {
      throw new SutureError(
        "blocked",
        `${cover.patch} is stacked on top of it in ${entry.function}: undo that one first`,
      );
    }
    if (state === "foreign") throw new SutureError("engine-failed", `somebody else changed ${entry.function}`);
    return state === "in";
  });
}

/** Whether the memory at a record's base is the payload's. */
function isOurs(memory: ProcessMemory, record: JournalRecord): boolean {
  const mapping = readMappings(record.pid).find(({ start }) => start === record.base);
  return mapping?.isAnonymous === true && holdsPlacement(memory, record);
}

type EntryState = {
  /** "out" also where other patches of ours are there, none of which leads to this one */
  state: "in" | "out" | "foreign";
  /** the patch that is stacked right on top of this one; null where none is */
  cover: Placement | null;
};

function stateOf({ machine }: Context, record: JournalRecord, memory: ProcessMemory, entry: Entry): EntryState {
  const now = tryRead(memory, entry.at, entry.after.length / 2)?.toString("hex");
  if (now === undefined) return { state: "foreign", cover: null };
  if (now === entry.after) return { state: "in", cover: null };
  if (now === entry.before) return { state: "out", cover: null };
  const view: View = { machine, memory, mappings: readMappings(record.pid) };
  const { patches } = layersAt(view, entry.at, entry.after.length / 2);
  const own = patches.findIndex(({ base }) => base === record.base);
  if (own >= 0) return { state: "in", cover: patches[own - 1] ?? null };
  return { state: patches.length > 0 ? "out" : "foreign", cover: null };
}

function tryRead(memory: ProcessMemory, at: number, size: number): Buffer | null {
  try {
    return memory.read(at, size);
  } catch {
    return null; // not mapped
  }
}
