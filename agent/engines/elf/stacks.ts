import { readRanges } from "../../system/remote-memory.ts";
import { searchDeep } from "./deep-stacks.ts";
import { interruptedStacks } from "./interrupted-stacks.ts";
import { addSuspect, maxStackBytes, type Obstacles, type Search, type StackedThread, standsAs } from "./search.ts";
import type { Snapshot, StackPart } from "./unwind.ts";
import { findWord } from "./words.ts";

const maxBatch = 512;
const stacks = Buffer.alloc(maxStackBytes);

type Part = { tid: number; at: number; start: number; size: number; registers: Buffer };
type Threads = readonly (readonly [number, StackedThread])[];

/**
 * Looks for threads with a word on their stack that lies in a range and so may be a return address; not those whose calls are known
 * to be others. A thread that handles a signal on an alternate stack is looked at on the stack, too, that the signal interrupted. Snapshots, at
 * most 8 MiB of stacks together, are what it takes to find the calls of those in the way.
 */
export function searchStacks(search: Search, threads: Threads): Obstacles {
  const obstacles: Obstacles = { busy: null, suspects: [] };
  const shallow = threads.filter(([, { depth }]) => depth <= maxStackBytes);
  for (let first = 0; first < shallow.length; ) {
    const batch: Part[] = [];
    let total = 0;
    for (; first < shallow.length && batch.length < maxBatch; first++) {
      const [tid, thread] = shallow[first] ?? [0, null];
      if (!thread || total + thread.depth > maxStackBytes) break;
      batch.push({ tid, at: total, start: thread.stack, size: thread.depth, registers: thread.registers });
      total += thread.depth;
    }
    // by a thread that is there: of a process whose first one has ended its number reads nothing
    const reader = batch[0]?.tid ?? 0;
    if (!readRanges(reader, batch, stacks)) {
      obstacles.busy ??= { tid: reader, reason: "its stack cannot be read" };
      return obstacles;
    }
    searchBatch(search, batch, stacks.subarray(0, total), obstacles);
  }
  if (shallow.length < threads.length) {
    searchDeep(
      search,
      threads.filter(([, { depth }]) => depth > maxStackBytes),
      obstacles,
    );
  }
  return obstacles;
}

function searchBatch(search: Search, batch: readonly Part[], bytes: Buffer, obstacles: Obstacles): void {
  const holderOf = (offset: number) => batch.findLast((part) => part.at <= offset);
  const snapshotOf = ({ tid, registers, start, at, size }: Part): Snapshot => ({
    tid,
    registers,
    stacks: [{ start, bytes: bytes.subarray(at, at + size) }],
  });
  const interrupted = new Map<Part, StackPart[]>();
  const mark = search.machine.signalMark(batch[0]?.registers ?? Buffer.alloc(search.machine.registerBytes));
  for (let hit = bytes.indexOf(mark); hit >= 0; hit = bytes.indexOf(mark, hit + 1)) {
    const holder = holderOf(hit);
    if (!holder || interrupted.has(holder)) continue;
    interrupted.set(holder, interruptedStacks(search, snapshotOf(holder)));
  }
  for (const [part, others] of interrupted) {
    const own = snapshotOf(part);
    judge(search, { ...own, stacks: [...own.stacks, ...others] }, obstacles);
  }
  for (let hit = findWord(bytes, search.wanted, 0); hit; ) {
    const holder = holderOf(hit.offset);
    if (!holder) break;
    if (!interrupted.has(holder)) judge(search, snapshotOf(holder), obstacles);
    hit = findWord(bytes, search.wanted, holder.at + holder.size);
  }
}

/** Notes a thread with a word in the ranges on one of its stacks, unless its calls are known to be others. */
function judge({ machine, wanted, known }: Search, snapshot: Snapshot, obstacles: Obstacles): void {
  for (const { bytes, isCut } of snapshot.stacks) {
    const hit = findWord(bytes, wanted, 0);
    if (!hit && !isCut) continue;
    if (known.some((each) => standsAs(each, machine, snapshot))) return;
    const reason = hit ? `it may return into ${hit.range.name}` : "what a signal interrupted is too deep to be told";
    obstacles.busy ??= { tid: snapshot.tid, reason };
    addSuspect(obstacles, snapshot);
    return;
  }
}
