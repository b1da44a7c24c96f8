import { SutureError } from "../../../protocol/errors.ts";
import type { HeldPayloads } from "../../../protocol/wire/host.ts";
import { type Mapping, readMappings } from "../../system/proc.ts";
import { readPlacement } from "./header.ts";
import type { Journal, Placement } from "./journal.ts";
import { layersAt, type View } from "./layers.ts";
import type { Reader } from "./machine.ts";
import { isAlive, type ProcessId, withMemory } from "./memory.ts";

/** What a process may hold of payloads, applied or not: nothing is ever unmapped, so there must be an end. */
const quota = { bytes: 128 * 1024 * 1024, payloads: 64 };

/** The payloads that lie in a process's memory, by their own headers, in order of address; of more than the quota allows a few. */
export function payloadsIn(memory: Reader, mappings: readonly Mapping[]): Placement[] {
  const found: Placement[] = [];
  for (const { start, isAnonymous, permissions } of mappings) {
    // a header is read-only; of the thousands of mappings that a process may have hardly any other anonymous one is
    if (!isAnonymous || permissions !== "r--p") continue;
    const placement = readPlacement(memory, start);
    if (placement) found.push(placement);
    if (found.length > quota.payloads) break;
  }
  return found;
}

/** Whether no function leads to a payload, directly or through patches that are stacked on top of it. */
export function isUnused(view: View, { base, jumps }: Placement): boolean {
  return jumps.every(({ at, after }) => {
    const { patches } = layersAt(view, at, after.length / 2);
    return patches.every((each) => each.base !== base);
  });
}

/**
 * Throws `blocked` where a process holds as much of payloads as it may, so that one more of `size` bytes is not to be mapped. Only its end
 * frees them.
 */
export function checkQuota(payloads: readonly Placement[], size: number): void {
  const bytes = bytesOf(payloads) + size;
  if (payloads.length < quota.payloads && bytes <= quota.bytes) return;
  const held = `${payloads.length} payloads of ${Math.round(bytesOf(payloads) / 1024)} KiB`;
  throw new SutureError(
    "blocked",
    `its memory holds ${held} of earlier patches, which cannot be unloaded while it runs: restart the program`,
  );
}

/** The payloads in the memory of one process, applied or not; none where it is gone or cannot be read. */
export function payloadsOf(process: ProcessId): Placement[] {
  try {
    return withMemory(process, (memory) => payloadsIn(memory, readMappings(process.pid)));
  } catch {
    // where it is to be patched or reverted it has an outcome of its own
    return [];
  }
}

/** How much memory payloads take, in bytes. */
export function bytesOf(payloads: readonly Pick<Placement, "size">[]): number {
  return payloads.reduce((sum, { size }) => sum + size, 0);
}

/** How much of payloads the processes of this host hold by the journal, applied or not; undefined where they hold none. */
export function heldPayloads(journal: Pick<Journal, "all" | "residents">, boot: string): HeldPayloads | undefined {
  const records = [...journal.all(), ...journal.residents()].filter(
    (record) => record.bootId === boot && isAlive(record),
  );
  if (records.length === 0) return undefined;
  return { processes: new Set(records.map(({ pid }) => pid)).size, payloads: records.length, bytes: bytesOf(records) };
}
