import { populatedRanges } from "../../system/page-map.ts";
import { readRanges } from "../../system/remote-memory.ts";
import { interruptedStacks } from "./interrupted-stacks.ts";
import { addSuspect, type Obstacles, type Search, type StackedThread, standsAs, windowBytes } from "./search.ts";
import { callsOf, type Snapshot } from "./unwind.ts";
import { findWord, rangeOf } from "./words.ts";

/** So many threads' calls are followed while the others stand still, at some tenths of a millisecond each. */
const maxFollowed = 64;
/** So much memory that holds anything is searched for words, at about 10 ms; with more of it nobody can tell. */
const maxSearchedBytes = 64 * 1024 * 1024;
const chunk = Buffer.alloc(1024 * 1024);

/**
 * Judges threads whose stack ends nobody knows where: stacks that a program cut from one large arena, for fibers, or that have grown together
 * with other memory. Where their calls can be found for certain, these count. Else every word from the stack pointer to the end of the memory
 * does, though it may be of other stacks; pages that were never touched hold none. At the first stop of a process nothing is ready for
 * that: the threads are then only noted, and their calls found while they run on.
 */
export function searchDeep(
  search: Search,
  threads: readonly (readonly [number, StackedThread])[],
  obstacles: Obstacles,
): void {
  const { machine, wanted, known, code } = search;
  /** by where their memory ends: the lowest stack pointer there, and whose it is */
  const unclear = new Map<number, { tid: number; from: number }>();
  for (const [index, [tid, { registers, stack, depth }]] of threads.entries()) {
    const snapshot = snapshotOf(search, tid, registers, stack);
    if (!snapshot) {
      obstacles.busy ??= { tid, reason: "its stack cannot be read" };
      continue;
    }
    if (known.some((each) => standsAs(each, machine, snapshot))) continue;
    if (!code) {
      obstacles.busy ??= { tid, reason: "its calls are still to be found" };
      addSuspect(obstacles, snapshot);
      continue;
    }
    const calls = index < maxFollowed ? callsOf(machine, code, snapshot) : null;
    const inside = calls?.addresses.map((address) => rangeOf(address, wanted.ranges)).find((range) => range);
    if (inside) obstacles.busy ??= { tid, reason: `it may return into ${inside.name}` };
    if (calls) continue;
    const end = stack + depth;
    unclear.set(end, { tid, from: Math.min(stack, unclear.get(end)?.from ?? stack) });
    for (const { bytes, isCut } of snapshot.stacks.slice(1)) {
      const hit = findWord(bytes, wanted, 0);
      if (hit) obstacles.busy ??= { tid, reason: `it may return into ${hit.range.name}` };
      else if (isCut) obstacles.busy ??= { tid, reason: tooDeep };
    }
  }
  for (const [end, { tid, from }] of unclear) obstacles.busy ??= searchMemory(search, tid, from, end);
}

const tooDeep = "its calls cannot be told, and its stack lies in too much memory to search all of it";

function snapshotOf(search: Search, tid: number, registers: Buffer, stack: number): Snapshot | null {
  const bytes = Buffer.alloc(windowBytes);
  if (!readRanges(tid, [{ start: stack, size: windowBytes }], bytes)) return null;
  const own: Snapshot = { tid, registers, stacks: [{ start: stack, bytes }] };
  return { ...own, stacks: [...own.stacks, ...interruptedStacks(search, own)] };
}

/** Why a thread is in the way whose stack begins at `from` and ends somewhere before `end`; null where no word there lies in a range. */
function searchMemory({ wanted, mappingOf }: Search, tid: number, from: number, end: number): Obstacles["busy"] {
  let searched = 0;
  const { isAnonymous, permissions } = mappingOf(from) ?? { isAnonymous: false, permissions: "" };
  // what is shared or comes from a file may hold something though this process never touched it
  const isPrivate = isAnonymous && permissions.endsWith("p");
  for (const { start, size } of isPrivate ? populatedRanges(tid, from, end) : [{ start: from, size: end - from }]) {
    searched += size;
    if (searched > maxSearchedBytes) return { tid, reason: tooDeep };
    for (let done = 0; done < size; done += chunk.length) {
      const length = Math.min(chunk.length, size - done);
      if (!readRanges(tid, [{ start: start + done, size: length }], chunk)) {
        return { tid, reason: "its stack cannot be read" };
      }
      const hit = findWord(chunk.subarray(0, length), wanted, 0);
      if (hit) return { tid, reason: `it may return into ${hit.range.name}, or another on the same memory may` };
    }
  }
  return null;
}
