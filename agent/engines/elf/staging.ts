import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { type ProcessMemory, readMappings } from "../../system/proc.ts";
import type { ElfPatch } from "../engine.ts";
import { writeCode } from "./code-writer.ts";
import { findGadgets } from "./gadgets.ts";
import { writeHeaderLast } from "./header.ts";
import { injectCall } from "./inject.ts";
import type { JournalRecord, Placement } from "./journal.ts";
import type { View } from "./layers.ts";
import { bootId, type ProcessId, withMemory } from "./memory.ts";
import { compareMappings, scratchBytes } from "./memory-plan.ts";
import { readModules } from "./modules.ts";
import { expectCodeOfFile } from "./moved-code.ts";
import { type Prepared, preparePatch } from "./prepare.ts";
import { note, type Tools } from "./process.ts";
import { checkQuota, isUnused, payloadsIn } from "./resident.ts";
import type { World } from "./resolve.ts";
import { markScratch, slotsIn } from "./scratch.ts";

/**
 * Makes the plan for a process without touching it. Throws as `preparePatch` does, `blocked` where the process holds too many payloads
 * already, and where it cannot be read.
 */
export function prepareProcess(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  replaced: readonly Placement[],
): Prepared {
  return withMemory(process, (memory) => choosePlace(tools, process, patch, replaced, memory).prepared);
}

/**
 * Brings the payload into the process; nothing calls it yet. One that is resident there already is used again where it is, byte for byte,
 * what would be written now: its variables as they were at first, everything that it refers to where it is now. Memory that an agent
 * mapped and never finished is finished. Returns the journal's record, which is "staged".
 *
 * @throws SutureError as `prepareProcess`; `blocked` where no thread can make the calls now: the record stays, for a call may yet be made
 */
export async function stageProcess(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  replaced: readonly Placement[],
): Promise<JournalRecord> {
  return withMemory(process, async (memory) => {
    const { prepared, isResident, isNew } = choosePlace(tools, process, patch, replaced, memory);
    const { placement, instead } = prepared;
    const record: JournalRecord = {
      ...placement,
      ...process,
      bootId: bootId(),
      stage: "mapping",
      ...(instead && { instead }),
    };
    if (isResident) return note(tools, record, "staged");
    note(tools, record, "mapping");
    try {
      await mapAndWrite(tools, record, prepared, memory);
    } catch (error) {
      // only what was refused before any thread was touched has no effect that may still come
      if (isNew && isSutureError(error, "unsupported")) tools.journal.remove(record);
      throw error;
    }
    return note(tools, record, "staged");
  });
}

async function mapAndWrite(
  tools: Tools,
  record: JournalRecord,
  { bytes, runs }: Prepared,
  memory: ProcessMemory,
): Promise<void> {
  const { pid, base, size } = record;
  const scratch = base + size - scratchBytes;
  const missing = () => compareMappings(readMappings(pid), base, runs).missing;
  const isThere = (address: number) => readMappings(pid).some(({ start, end }) => address >= start && address < end);
  const gadgets = findGadgets(tools.machine, readModules(pid, tools.files).modules, memory);
  const target = { pid, machine: tools.machine, gadgets, memory, onStep: tools.onStep, rehearse: tools.rehearsal.call };
  // one at a time: each looks anew at what is there, for an earlier one that was given up may have been made since
  for (let [call] = missing(); call; [call] = missing()) {
    if (isThere(scratch)) markScratch(memory, scratch);
    const slots = slotsIn(memory, [record, ...payloadsIn(memory, readMappings(pid))]);
    await injectCall({ ...target, slots }, call);
    tools.onStep("mapped");
  }
  markScratch(memory, scratch);
  const write = (address: number, piece: Buffer) => writeCode(pid, tools.machine, memory, address, piece);
  writeHeaderLast(write, base, bytes);
  tools.onStep("written");
}

/** `isResident` where the payload is there whole already, `isNew` where nothing of it can be there yet. */
type Choice = { prepared: Prepared; isResident: boolean; isNew: boolean };

/** The plan for the place where the payload is already, or for one where it can be. */
function choosePlace(
  tools: Tools,
  process: ProcessId,
  patch: ElfPatch,
  replaced: readonly Placement[],
  memory: ProcessMemory,
): Choice {
  const world = worldOf(tools, process, patch.variant.match.buildId, memory);
  const view: View = { machine: tools.machine, memory, mappings: world.mappings };
  const payloads = payloadsIn(memory, world.mappings);
  const isOfPatch = ({ patch: id, buildId }: Placement) => id === patch.id && buildId === patch.variant.match.buildId;
  const planFor = ({ base, size }: Placement) => {
    const prepared = tryPrepare(world, patch, replaced, base);
    return prepared?.placement.size === size ? prepared : null;
  };

  for (const payload of payloads.filter((each) => isOfPatch(each) && isUnused(view, each))) {
    const prepared = planFor(payload);
    if (prepared && isWhole(world, prepared)) return { prepared, isResident: true, isNew: false };
  }
  for (const record of unfinished(tools, process, payloads).filter(isOfPatch)) {
    const prepared = planFor(record);
    const isForeign = !prepared || compareMappings(world.mappings, record.base, prepared.runs).isForeign;
    if (!isForeign) return { prepared, isResident: false, isNew: false };
  }
  const prepared = preparePatch(world, patch, replaced);
  checkQuota(payloads, prepared.placement.size);
  return { prepared, isResident: false, isNew: true };
}

/** The plan for a place; null where it does not fit there, as in a process that runs another program since. */
function tryPrepare(world: World, patch: ElfPatch, replaced: readonly Placement[], place: number): Prepared | null {
  try {
    return preparePatch(world, patch, replaced, place);
  } catch (error) {
    if (isSutureError(error, "unsupported")) return null;
    throw error;
  }
}

function isWhole({ memory, mappings }: World, { placement: { base }, bytes, runs }: Prepared): boolean {
  return compareMappings(mappings, base, runs).missing.length === 0 && memory.read(base, bytes.length).equals(bytes);
}

/** Records of memory that was mapped, or may have been, and has no header: nothing ever led there. */
function unfinished(tools: Tools, process: ProcessId, payloads: readonly Placement[]): JournalRecord[] {
  return [...tools.journal.of(process), ...tools.journal.residents(process)].filter(
    ({ base, stage }) =>
      (stage === "mapping" || stage === "resident") && !payloads.some((payload) => payload.base === base),
  );
}

function worldOf(tools: Tools, process: ProcessId, buildId: string, memory: ProcessMemory): World {
  const { mappings, modules } = readModules(process.pid, tools.files);
  const target = modules.find(({ mappings: [first] }) => first && tools.scanner.isBuild(process.pid, first, buildId));
  if (!target) throw new SutureError("not-applicable", `process ${process.pid} does not run build ${buildId}`);
  if (target.isMoved) expectCodeOfFile({ machine: tools.machine, memory, mappings }, target);
  return { machine: tools.machine, memory, mappings, modules, target };
}
