import type { Mapping } from "../../system/proc.ts";
import { readRanges } from "../../system/remote-memory.ts";
import type { AddressRange, Machine } from "./machine.ts";
import type { Calls, Snapshot } from "./unwind.ts";

/** Why a stopped process could not be changed. */
export type Busy = { tid: number; reason: string };
/** A stopped thread: its stack from the stack pointer on, and how far it reaches. */
export type StackedThread = { registers: Buffer; stack: number; depth: number };
/** The calls that a thread was in when it stood as in the snapshot; it is in the same ones whenever it stands so again. */
export type KnownCalls = { snapshot: Snapshot; calls: Calls };

/** A stack deeper than this is not searched; its thread counts as busy. */
export const maxStackBytes = 8 * 1024 * 1024;
const maxBatch = 512;
const stacks = Buffer.alloc(maxStackBytes);

/** Ranges, and what is to be known of them before a target stands still. */
export type WantedRanges = { ranges: readonly AddressRange[]; needle: Buffer; lowerBytes: number };

/** The upper bytes that all addresses of the ranges share, of which there is at least one, and how many bytes there are below them. */
export function wanted(ranges: readonly AddressRange[]): WantedRanges {
  const low = wordOf(Math.min(...ranges.map((range) => range.start)));
  const high = wordOf(Math.max(...ranges.map((range) => range.end)));
  let lowerBytes = 7;
  while (lowerBytes > 1 && low[lowerBytes - 1] === high[lowerBytes - 1]) lowerBytes--;
  return { ranges, needle: low.subarray(lowerBytes), lowerBytes };
}

/**
 * Looks for threads with a word on their stack that lies in a range and so may be a return address; not those whose calls are `known`
 * to be others. Their snapshots, at most 8 MiB of stacks together, are what it takes to find their calls.
 */
export function searchStacks(
  machine: Machine,
  threads: readonly (readonly [number, StackedThread])[],
  ranges: WantedRanges,
  known: readonly KnownCalls[],
): { busy: Busy | null; suspects: Snapshot[] } {
  let busy: Busy | null = null;
  const suspects: Snapshot[] = [];
  let copied = 0;
  for (let first = 0; first < threads.length; ) {
    const batch: { tid: number; at: number; start: number; size: number; registers: Buffer }[] = [];
    let total = 0;
    for (; first < threads.length && batch.length < maxBatch; first++) {
      const [tid, thread] = threads[first] ?? [0, null];
      if (!thread || total + thread.depth > maxStackBytes) break;
      batch.push({ tid, at: total, start: thread.stack, size: thread.depth, registers: thread.registers });
      total += thread.depth;
    }
    // by a thread that is there: of a process whose first one has ended its number reads nothing
    const reader = batch[0]?.tid ?? 0;
    if (!readRanges(reader, batch, stacks))
      return { busy: { tid: reader, reason: "its stack cannot be read" }, suspects };
    const bytes = stacks.subarray(0, total);
    for (let hit = findWord(bytes, ranges, 0); hit; ) {
      const { offset, range } = hit;
      const holder = batch.findLast((part) => part.at <= offset);
      if (!holder) break;
      const { tid, at, start, size, registers } = holder;
      const stack = bytes.subarray(at, at + size);
      if (!known.some((each) => standsAs(each, machine, { tid, registers, start, stack }))) {
        busy ??= { tid, reason: `it may return into ${range.name}` };
        copied += size;
        if (copied > maxStackBytes) return { busy, suspects };
        suspects.push({ tid, registers: Buffer.from(registers), start, stack: Buffer.from(stack) });
      }
      hit = findWord(bytes, ranges, at + size);
    }
  }
  return { busy, suspects };
}

/** Whether a thread stands as in an earlier snapshot, as far as its calls depend on it. */
function standsAs({ snapshot, calls }: KnownCalls, machine: Machine, now: Snapshot): boolean {
  return (
    snapshot.tid === now.tid &&
    machine.hasSameFrame(snapshot.registers, now.registers) &&
    calls.words.every(({ at, bytes }) => {
      const offset = at - now.start;
      return now.stack.subarray(offset, offset + bytes.length).equals(bytes);
    })
  );
}

/** The range that an address lies in. */
export function rangeOf(address: number, ranges: readonly AddressRange[]): AddressRange | undefined {
  return ranges.find((range) => address >= range.start && address < range.end);
}

/** The end of the writable mapping that holds an address; 0 where none does. Mappings are in order. */
export function endOfStack(mappings: readonly Mapping[], address: number): number {
  let low = 0;
  let high = mappings.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const mapping = mappings[middle];
    if (!mapping) return 0;
    if (address < mapping.start) high = middle - 1;
    else if (address >= mapping.end) low = middle + 1;
    else return mapping.end;
  }
  return 0;
}

/**
 * The first aligned word from a place on that lies in a range. The upper bytes, which all addresses of the ranges share, are looked
 * for with a native search; only a hit is compared exactly.
 */
function findWord(
  bytes: Buffer,
  { ranges, needle, lowerBytes }: WantedRanges,
  from: number,
): { offset: number; range: AddressRange } | null {
  for (let hit = bytes.indexOf(needle, from); hit >= 0; hit = bytes.indexOf(needle, hit + 1)) {
    const offset = hit - lowerBytes;
    if (offset < from || offset % 8 !== 0) continue;
    const word = bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
    const range = rangeOf(word, ranges);
    if (range) return { offset, range };
  }
  return null;
}

function wordOf(address: number): Buffer {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(address));
  return word;
}
