import { readFileSync } from "node:fs";
import { SutureError } from "../../../protocol/errors.ts";
import { type ProcessMemory, readMappings } from "../../system/proc.ts";
import type { ElfPatch } from "../engine.ts";
import { type BorrowStep, callInProcess, findGadgets } from "./borrow.ts";
import type { BuildScanner } from "./builds.ts";
import { type ChangeReport, changeCode } from "./change.ts";
import { holdsPlacement } from "./header.ts";
import type { Journal, JournalRecord, Placement, Stage } from "./journal.ts";
import { layersAt, type View } from "./layers.ts";
import type { Machine, MemoryCall } from "./machine.ts";
import { type ProcessId, withMemory } from "./memory.ts";
import { type FileCache, isCode, readModules } from "./modules.ts";
import { type Prepared, preparePatch } from "./prepare.ts";
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
  onStep: (step: Step) => void;
};

/** This boot's number: start times are counted from it. */
export function bootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** Makes the plan for a process without touching it. Throws as `preparePatch` does, and where the process cannot be read. */
export function prepareProcess(tools: Tools, process: ProcessId, patch: ElfPatch): Prepared {
  return withMemory(process, (memory) =>
    preparePatch(worldOf(tools, process, patch.variant.match.buildId, memory), patch),
  );
}

/** Brings the payload into the process; nothing calls it yet. Returns the journal's record, which is "staged". Throws as above. */
export function stageProcess(tools: Tools, process: ProcessId, patch: ElfPatch): JournalRecord {
  return withMemory(process, (memory) => {
    const world = worldOf(tools, process, patch.variant.match.buildId, memory);
    const { placement, bytes, parts } = preparePatch(world, patch);
    const record: JournalRecord = { ...placement, ...process, bootId: bootId(), stage: "mapping" };
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
    const protections = parts
      .filter((part) => !part.writable)
      .map(
        (part): MemoryCall => ({
          call: "protect",
          address: base + part.offset,
          size: part.size,
          executable: part.executable,
        }),
      );
    callMemory(tools, process, memory, protections);
    return note(tools, record, "staged");
  });
}

/** Sends callers of the old functions to the new ones. Throws `blocked` after the last attempt, with the thread and the reason. */
export async function redirectProcess(tools: Tools, record: JournalRecord): Promise<ChangeReport> {
  note(tools, record, "applying");
  const report = await changeCode(tools.machine, tools.files, record, record.replaced, (memory) => {
    tools.onStep("stopped");
    for (const jump of record.jumps) expectBytes(memory, jump.at, jump.function, [jump.before]);
    for (const jump of record.jumps) {
      memory.write(jump.at, Buffer.from(jump.after, "hex"));
      tools.onStep("jump written");
    }
  });
  tools.onStep("resumed");
  note(tools, record, "applied");
  return report;
}

/**
 * Takes the jumps out, then the payload. The record is gone afterwards. Throws `blocked` as above, and where another patch lies over
 * this one; the jumps are then still in.
 */
export async function restoreProcess(tools: Tools, record: JournalRecord): Promise<ChangeReport> {
  withMemory(record, (memory) => expectOnTop(viewOf(tools, record, memory), record));
  note(tools, record, "undoing");
  const report = await changeCode(tools.machine, tools.files, record, record.replacements, (memory) => {
    tools.onStep("stopped");
    for (const jump of record.jumps) expectBytes(memory, jump.at, jump.function, [jump.before, jump.after]);
    for (const jump of record.jumps) {
      memory.write(jump.at, Buffer.from(jump.before, "hex"));
      tools.onStep("jump restored");
    }
  });
  tools.onStep("resumed");
  releaseProcess(tools, record);
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

/** Whether the memory at a record's base is the payload's; `isFresh`: it may be mapped and not yet written. */
function isOurs(memory: ProcessMemory, record: JournalRecord, isFresh: boolean): boolean {
  const mapping = readMappings(record.pid).find(({ start }) => start === record.base);
  if (mapping?.inode !== 0) return false;
  if (holdsPlacement(memory, record)) return true;
  const isWhole = mapping.end === record.base + record.size && mapping.permissions === "rw-p";
  return isFresh && isWhole && memory.read(record.base, record.size).every((byte) => byte === 0);
}

/**
 * Gives a process the record of its parent where it was born with the patch: a fork has the same memory at the same addresses.
 * Null where it was not, or cannot be read.
 */
export function adoptFork(tools: Tools, process: ProcessId, parent: JournalRecord): JournalRecord | null {
  const record: JournalRecord = { ...parent, pid: process.pid, startTime: process.startTime };
  try {
    return inspect(tools, record) === "in" ? note(tools, record, "applied") : null;
  } catch {
    // it is met again, with its own outcome, where it is to be patched
    return null;
  }
}

/**
 * What a patch looks like in a process now, by the target's own memory. "absent": neither payload nor jumps are there, as in a
 * process that became another program. "foreign": bytes that we know nothing of. Throws where the process is gone.
 */
export function inspect(
  tools: Pick<Tools, "machine">,
  record: JournalRecord,
): "in" | "out" | "partly in" | "absent" | "foreign" {
  return withMemory(record, (memory) => {
    let view: View | undefined;
    const entries = record.jumps.map((jump) => {
      const now = tryRead(memory, jump.at, jump.after.length / 2)?.toString("hex");
      if (now === undefined) return "foreign";
      if (now === jump.after) return "in";
      if (now === jump.before) return "out";
      view ??= viewOf(tools, record, memory);
      return coverOf(view, record, jump) === null ? "foreign" : "in";
    });
    if (!isOurs(memory, record, false)) return entries.includes("in") ? "foreign" : "absent";
    if (entries.includes("foreign")) return "foreign";
    if (entries.every((entry) => entry === "in")) return "in";
    return entries.includes("in") ? "partly in" : "out";
  });
}

function viewOf({ machine }: Pick<Tools, "machine">, { pid }: ProcessId, memory: ProcessMemory): View {
  return { machine, memory, mappings: readMappings(pid) };
}

/** The patch that lies right over a jump of this one; null where none does. */
function coverOf(view: View, record: JournalRecord, jump: JournalRecord["jumps"][number]): Placement | null {
  const { patches } = layersAt(view, jump.at, jump.after.length / 2);
  const own = patches.findIndex(({ base }) => base === record.base);
  return patches[own - 1] ?? null;
}

/** Throws `blocked` where another patch lies over one of a record's functions: to take this one out would take that one out too. */
function expectOnTop(view: View, record: JournalRecord): void {
  for (const jump of record.jumps) {
    const cover = coverOf(view, record, jump);
    if (cover) throw new SutureError("blocked", `${cover.patch} lies over it in ${jump.function}: undo that one first`);
  }
}

function tryRead(memory: ProcessMemory, at: number, size: number): Buffer | null {
  try {
    return memory.read(at, size);
  } catch {
    return null; // not mapped
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
  callInProcess(pid, tools.machine, gadgets, memory, calls, tools.onStep);
}

function note(tools: Tools, record: JournalRecord, stage: Stage): JournalRecord {
  const next = { ...record, stage };
  tools.journal.write(next);
  tools.onStep(`journal ${stage}`);
  return next;
}

/** Throws `engine-failed` where bytes of the target are none of those that we know. */
function expectBytes(memory: ProcessMemory, at: number, name: string, expected: readonly string[]): void {
  const now = memory.read(at, (expected[0]?.length ?? 0) / 2).toString("hex");
  if (!expected.includes(now)) throw new SutureError("engine-failed", `somebody else changed ${name}: ${now} is there`);
}
