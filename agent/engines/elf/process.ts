import { readFileSync } from "node:fs";
import { SutureError } from "../../../protocol/errors.ts";
import type { ProcessMemory } from "../../system/proc.ts";
import type { ElfPatch } from "../engine.ts";
import { type BorrowStep, callInProcess, findGadgets } from "./borrow.ts";
import type { BuildScanner } from "./builds.ts";
import { type ChangeReport, changeCode } from "./change.ts";
import { entriesOf, entriesToRestore, inspect, isOurs } from "./inspect.ts";
import type { Entry, Journal, JournalRecord, Placement, Stage } from "./journal.ts";
import type { ImagePart } from "./link.ts";
import type { Machine, MemoryCall } from "./machine.ts";
import { type ProcessId, withMemory } from "./memory.ts";
import { type FileCache, isCode, readModules } from "./modules.ts";
import { type Prepared, preparePatch } from "./prepare.ts";
import type { Rehearsal } from "./rehearse.ts";
import type { World } from "./resolve.ts";

/** Where an operation stands; an observer of the steps can stop the agent at each. */
export type Step =
  | `journal ${Stage}`
  | BorrowStep
  | "mapped"
  | "written"
  | "stopped"
  | "jump written"
  | "jump restored"
  | "resumed"
  | "unmapped";

/** What the work on processes is done with. */
export type Tools = {
  machine: Machine;
  scanner: BuildScanner;
  journal: Journal;
  files: FileCache;
  rehearsal: Rehearsal;
  onStep: (step: Step) => void;
};

/** This boot's number: start times are counted from it. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Makes the plan for a process without touching it. Throws as `preparePatch` does, and where the process cannot be read. */
export function prepareProcess(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  replaced: readonly Placement[],
): Prepared {
  return withMemory(process, (memory) =>
    preparePatch(worldOf(tools, process, patch.variant.match.buildId, memory), patch, replaced),
  );
}

/** Brings the payload into the process; nothing calls it yet. Returns the journal's record, which is "staged". Throws as above. */
export function stageProcess(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  replaced: readonly Placement[],
): JournalRecord {
  return withMemory(process, (memory) => {
    const world = worldOf(tools, process, patch.variant.match.buildId, memory);
    const { placement, bytes, parts, instead } = preparePatch(world, patch, replaced);
    const record: JournalRecord = {
      ...placement,
      ...process,
      bootId: bootId(),
      stage: "mapping",
      ...(instead && { instead }),
    };
    note(tools, record, "mapping");
    const { base, size } = placement;
    try {
      callMemory(tools, process, memory, [{ call: "map", address: base, size }]);
    } catch (error) {
      tools.journal.remove(record);
      throw error;
    }
    tools.onStep("mapped");
    memory.write(base, bytes);
    tools.onStep("written");
    callMemory(tools, process, memory, protections(base, parts));
    return note(tools, record, "staged");
  });
}

/** What is to be protected, neighbours that are alike together: the target stands still for each call. */
function protections(base: number, parts: readonly ImagePart[]): MemoryCall[] {
  const calls: (MemoryCall & { call: "protect" })[] = [];
  for (const { offset, size, writable, executable } of parts) {
    if (writable) continue;
    const last = calls.at(-1);
    if (last && last.executable === executable && last.address + last.size === base + offset) last.size += size;
    else calls.push({ call: "protect", address: base + offset, size, executable });
  }
  return calls;
}

/**
 * Sends callers of the old functions to the new ones; those of the patches that it takes the place of likewise, in the same stop. Throws
 * `blocked` after the last attempt, with the thread and the reason.
 */
export async function redirectProcess(tools: Tools, record: JournalRecord): Promise<ChangeReport> {
  const writes = entriesOf(record).map((entry) => writeOf(entry, entry.before, entry.after));
  note(tools, record, "applying");
  const report = await rewrite(tools, record, { ranges: record.replaced, writes, step: "jump written" });
  note(tools, record, "applied");
  return report;
}

/**
 * Takes the jumps out, then the payload; the patches whose place it took and whose memory is still there have it back in the same stop.
 * The record is gone afterwards. Throws `blocked` as above, and where another patch lies over this one; the jumps are then still in.
 */
export async function restoreProcess(tools: Tools, record: JournalRecord): Promise<ChangeReport> {
  const entries = withMemory(record, (memory) => entriesToRestore(tools, record, memory));
  const writes = entries.map((entry) => writeOf(entry, entry.after, entry.before));
  note(tools, record, "undoing");
  const givenBack = entries.length > 0 ? (record.instead?.replaced ?? []) : [];
  const ranges = [...record.replacements, ...givenBack];
  const report = await rewrite(tools, record, { ranges, writes, step: "jump restored" });
  releaseProcess(tools, record);
  return report;
}

/** Writes all of it in one stop in which no thread is in the ranges; nothing where other bytes are there than are expected. */
async function rewrite(
  tools: Tools,
  record: JournalRecord,
  { ranges, writes, step }: { ranges: JournalRecord["replaced"]; writes: readonly Write[]; step: Step },
): Promise<ChangeReport> {
  const write = (memory: ProcessMemory) => {
    tools.onStep("stopped");
    for (const each of writes) expectBytes(memory, each);
    for (const { at, bytes } of writes) {
      memory.write(at, bytes);
      tools.onStep(step);
    }
  };
  const report = await changeCode(tools.machine, tools.files, record, ranges, write, tools.rehearsal.stop);
  tools.onStep("resumed");
  return report;
}

/** Unmaps a payload that nobody can be inside of. The record is gone afterwards. */
export function releaseProcess(tools: Tools, record: JournalRecord): void {
  const isFresh = record.stage === "mapping";
  note(tools, record, "releasing");
  withMemory(record, (memory) => {
    // memory that is not ours without doubt stays: to unmap another's would be worse than to leave some behind
    if (!isOurs(memory, record, isFresh)) return;
    callMemory(tools, record, memory, [{ call: "unmap", address: record.base, size: record.size }]);
    tools.onStep("unmapped");
  });
  tools.journal.remove(record);
}

/**
 * Gives a process the record of its parent where it was born with the patch's memory: a fork has the same at the same addresses.
 * Null where it was not, or cannot be read.
 */
export function adoptFork(tools: Tools, process: ProcessId, parent: JournalRecord): JournalRecord | null {
  const record: JournalRecord = { ...parent, pid: process.pid, startTime: process.startTime };
  try {
    const found = inspect(tools, record);
    return found === "absent" || found === "foreign" ? null : note(tools, record, "applied");
  } catch {
    // it is met again, with its own outcome, where it is to be patched
    return null;
  }
}

function worldOf(tools: Tools, process: ProcessId, buildId: string, memory: ProcessMemory): World {
  const { mappings, modules } = readModules(process.pid, tools.files);
  const target = modules.find((module) =>
    module.mappings.some((mapping) => isCode(mapping) && tools.scanner.isBuild(process.pid, mapping, buildId)),
  );
  if (!target) throw new SutureError("not-applicable", `process ${process.pid} does not run build ${buildId}`);
  return { machine: tools.machine, memory, mappings, modules, target };
}

function callMemory(tools: Tools, { pid }: ProcessId, memory: ProcessMemory, calls: readonly MemoryCall[]): void {
  const gadgets = findGadgets(tools.machine, readModules(pid, tools.files).modules, memory);
  callInProcess(pid, tools.machine, gadgets, memory, calls, tools.onStep, tools.rehearsal.call);
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
