import { SutureError } from "../../../protocol/errors.ts";
import { populatedRanges } from "../../system/page-map.ts";
import { listThreads, type Mapping, readMappings } from "../../system/proc.ts";
import { registers } from "../../system/ptrace.ts";
import { readRanges } from "../../system/remote-memory.ts";
import type { AddressRange, Machine } from "./machine.ts";
import { ownStackOf } from "./own-stack.ts";
import { findWord, placesOf, rangeOf, type WantedRanges, wanted } from "./words.ts";

/** Memory beyond this is not searched while a process stands still; it takes about a tenth of a second. */
const maxSearchedBytes = 512 * 1024 * 1024;
const chunk = Buffer.alloc(4 * 1024 * 1024);

/**
 * Refuses a change where a call of what is replaced may be suspended on a stack that no thread stands on, as a coroutine's: anywhere in the
 * writable memory of a process whose threads all stand still lies the address of an instruction within the ranges, as it is or hidden as glibc's
 * setjmp(3) does. The stacks that threads
 * stand on were searched before. An address that is left over from a call that ended counts too. The address at which a range begins does not: it is
 * a pointer to the function, which leads to the new one.
 *
 * @throws SutureError `blocked`, with the place; also where there is too much memory to search
 */
export function refuseSuspendedFrames(
  pid: number,
  held: number,
  machine: Machine,
  ranges: readonly AddressRange[],
): void {
  const mappings = readMappings(pid);
  const searched = new Set(mappings.filter(({ permissions }) => permissions.startsWith("rw")));
  for (const tid of listThreads(pid)) {
    const stack = stackOf(pid, tid, machine, mappings);
    if (stack) searched.delete(stack);
  }
  const parts = [...searched].flatMap((mapping) => touchedParts(held, mapping));
  if (parts.reduce((sum, { size }) => sum + size, 0) > maxSearchedBytes) {
    throw new SutureError(
      "blocked",
      "it has too much memory to be searched for suspended calls, which the patch demands",
    );
  }
  const search = wanted(ranges.map((range) => ({ ...range, start: range.start + 1 })));
  const key = pointerKey(held, machine);
  for (const { start, size } of parts) {
    for (let done = 0; done < size; done += chunk.length) {
      const piece = { start: start + done, size: Math.min(chunk.length, size - done) };
      // of a device's memory, for one, nothing can be read; nor can a stack lie there
      if (!readRanges(held, [piece], chunk)) continue;
      const bytes = chunk.subarray(0, piece.size);
      const hit = findWord(bytes, search, 0) ?? (key === null ? null : findHidden(bytes, search, machine, key));
      if (!hit) continue;
      const where = `0x${(piece.start + hit.offset).toString(16)}`;
      throw new SutureError("blocked", `a call of ${hit.range.name} may be suspended: ${where} leads into it`);
    }
  }
}

/** The parts of a mapping that can hold anything. What is shared or comes from a file may, though this process never touched it. */
function touchedParts(
  held: number,
  { start, end, isAnonymous, permissions }: Mapping,
): { start: number; size: number }[] {
  if (isAnonymous && permissions.endsWith("p")) return populatedRanges(held, start, end);
  return [{ start, size: end - start }];
}

/** The key with which the C library hides addresses; null where it cannot be read. */
function pointerKey(held: number, machine: Machine): bigint | null {
  const current = Buffer.alloc(machine.registerBytes);
  if (!registers.get(held, current)) return null;
  const bytes = Buffer.alloc(8);
  const start = machine.threadPointer(current) + machine.pointerKeyAt;
  return readRanges(held, [{ start, size: bytes.length }], bytes) ? bytes.readBigUInt64LE() : null;
}

function findHidden(
  bytes: Buffer,
  { ranges }: WantedRanges,
  machine: Machine,
  key: bigint,
): { offset: number; range: AddressRange } | null {
  for (const offset of placesOf(bytes, machine.mangledPrefix(key))) {
    if (offset + 8 > bytes.length) continue;
    const range = rangeOf(machine.unmangle(bytes.readBigUInt64LE(offset), key), ranges);
    if (range) return { offset, range };
  }
  return null;
}

/** The stack that the kernel or the C library gave a stopped thread, where it stands on that. */
function stackOf(pid: number, tid: number, machine: Machine, mappings: readonly Mapping[]): Mapping | undefined {
  const current = Buffer.alloc(machine.registerBytes);
  if (!registers.get(tid, current)) return undefined;
  const stack = ownStackOf(pid, tid, machine, current, mappings);
  const top = machine.stackPointer(current);
  return stack && top >= stack.start && top < stack.end ? stack : undefined;
}
