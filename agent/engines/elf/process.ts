import { SutureError } from "../../../protocol/errors.ts";
import { livingThread, type ProcessMemory } from "../../system/proc.ts";
import type { BuildScanner } from "./builds.ts";
import { type ChangeReport, changeCode } from "./change.ts";
import { writeCode } from "./code-writer.ts";
import { headerOf } from "./header.ts";
import { seesBytes } from "./identity.ts";
import type { InjectionStep } from "./inject.ts";
import { entriesOf, entriesToRestore, inspect } from "./inspect.ts";
import type { Entry, Journal, JournalRecord, Placement, Stage } from "./journal.ts";
import type { Machine } from "./machine.ts";
import { bootId, type ProcessId, withMemory } from "./memory.ts";
import type { FileCache } from "./modules.ts";
import type { Rehearsal } from "./rehearse.ts";
import { refuseSuspendedFrames } from "./suspended-frames.ts";

/** Where an operation stands; an observer of the steps can stop the agent at each. */
export type Step =
  | `journal ${Stage}`
  | InjectionStep
  | "mapped"
  | "written"
  | "stopped"
  | "jump written"
  | "jump restored"
  | "resumed";

/** What the work on processes is done with. */
export type Tools = {
  machine: Machine;
  scanner: BuildScanner;
  journal: Journal;
  files: FileCache;
  rehearsal: Rehearsal;
  onStep: (step: Step) => void;
};

/**
 * Sends callers of the old functions to the new ones; those of the patches that it replaces likewise, in the same stop. `refuseSuspended`: not
 * while a call of them may be suspended anywhere in the process's memory. Throws `blocked` after the last attempt, with the thread and the
 * reason.
 */
export async function redirectProcess(
  tools: Tools,
  record: JournalRecord,
  refuseSuspended: boolean,
): Promise<ChangeReport> {
  const writes = entriesOf(record).map((entry) => writeOf(entry, entry.before, entry.after));
  note(tools, record, "applying");
  const report = await rewrite(tools, record, {
    ranges: record.replaced,
    writes,
    step: "jump written",
    refuseSuspended,
  });
  note(tools, record, "applied");
  return report;
}

/**
 * Writes back what the entries were; the patches that it replaced and whose payloads are still there are applied again in the same stop.
 * The payload stays mapped: a call that is suspended on a stack of its own, or a pointer that the program keeps, may still lead into it.
 * Throws `blocked` after the last attempt, and where another patch is stacked on top of this one; it is then still applied.
 */
export async function restoreProcess(tools: Tools, record: JournalRecord): Promise<ChangeReport> {
  const entries = withMemory(record, (memory) => entriesToRestore(tools, record, memory));
  const writes = entries.map((entry) => writeOf(entry, entry.after, entry.before));
  note(tools, record, "undoing");
  const appliedAgain = entries.length > 0 ? (record.instead?.replaced ?? []) : [];
  const ranges = [...record.replacements, ...appliedAgain];
  const report = await rewrite(tools, record, { ranges, writes, step: "jump restored", refuseSuspended: false });
  note(tools, record, "resident");
  return report;
}

type Rewriting = {
  ranges: JournalRecord["replaced"];
  writes: readonly Write[];
  step: Step;
  refuseSuspended: boolean;
};

/** Writes all of it in one stop in which no thread is in the ranges; nothing where other bytes are there than are expected. */
async function rewrite(
  tools: Tools,
  record: JournalRecord,
  { ranges, writes, step, refuseSuspended }: Rewriting,
): Promise<ChangeReport> {
  const header = headerOf(record);
  const write = (memory: ProcessMemory) => {
    tools.onStep("stopped");
    const held = threadWith(record, header);
    if (refuseSuspended) refuseSuspendedFrames(record.pid, held, tools.machine, ranges);
    for (const each of writes) expectBytes(memory, each);
    for (const { at, bytes } of writes) {
      writeCode(record.pid, tools.machine, memory, at, bytes, held);
      tools.onStep(step);
    }
  };
  const report = await changeCode(tools.machine, tools.files, record, ranges, write, tools.rehearsal.stop);
  tools.onStep("resumed");
  return report;
}

/**
 * A stopped thread of the process, which still is the program that the payload was mapped into: no other has its header there, and only
 * an exec would have changed that, perhaps to a program with more rights. Throws `not-applicable`.
 */
function threadWith({ pid, base }: JournalRecord, header: Buffer): number {
  if (seesBytes(pid, base, header)) return pid;
  const other = livingThread(pid);
  if (other !== null && seesBytes(other, base, header)) return other;
  throw new SutureError("not-applicable", `process ${pid} became another program`);
}

/**
 * Gives a process the record of a patch that its memory was found with: as a fork of a process that has it, or because the record was
 * lost. Null where no function leads to it, or where that cannot be read.
 */
export function adopt(
  tools: Tools,
  process: ProcessId,
  known: Placement & Partial<JournalRecord>,
): JournalRecord | null {
  const { pid, startTime } = process;
  const record: JournalRecord = { ...known, pid, startTime, bootId: bootId(), stage: "applied" };
  try {
    const found = inspect(tools, record);
    if (found !== "in" && found !== "partly in") return null;
    return note(tools, record, found === "in" ? "applied" : "applying");
  } catch {
    // it is met again, with its own outcome, where it is to be patched
    return null;
  }
}

/** Writes down how far a patch is in a process, before the next step is taken. */
export function note(tools: Tools, record: JournalRecord, stage: Stage): JournalRecord {
  const next = { ...record, stage };
  tools.journal.write(next);
  tools.onStep(`journal ${stage}`);
  return next;
}

/** What is written over what, in the form that takes the least time while the target stands still. */
type Write = { name: string; at: number; expected: Buffer; bytes: Buffer };

function writeOf({ function: name, at }: Entry, expected: string, bytes: string): Write {
  return { name, at, expected: Buffer.from(expected, "hex"), bytes: Buffer.from(bytes, "hex") };
}

/** Throws `engine-failed` where other bytes of the target are there. */
function expectBytes(memory: ProcessMemory, { name, at, expected }: Write): void {
  const now = memory.read(at, expected.length);
  if (now.equals(expected)) return;
  throw new SutureError("engine-failed", `somebody else changed ${name}: ${now.toString("hex")} is there`);
}
