import type { Mapping } from "../../system/proc.ts";
import type { Machine } from "./machine.ts";
import type { Calls, Code, Snapshot, StackPart } from "./unwind.ts";
import type { WantedRanges } from "./words.ts";

/** Why a stopped process could not be changed. */
export type Busy = { tid: number; reason: string };
/** A stopped thread: its stack from the stack pointer on, and how far the memory reaches that it lies in. */
export type StackedThread = { registers: Buffer; stack: number; depth: number };
/** The calls that a thread was in when it stood as in the snapshot; it is in the same ones whenever it stands so again. */
export type KnownCalls = { snapshot: Snapshot; calls: Calls };
/** What stands in the way in a stopped process, and the threads of which their calls would tell whether they do. */
export type Obstacles = { busy: Busy | null; suspects: Snapshot[] };

/** What a search of stacks is made with. */
export type Search = {
  machine: Machine;
  wanted: WantedRanges;
  known: readonly KnownCalls[];
  /** the writable memory that holds an address */
  mappingOf: (address: number) => Mapping | null;
  /** the process's code, with which calls can be found at once; null where finding them would take too long for that yet */
  code: Code | null;
};

/** Where more memory than this lies above a stack pointer, it is not all the thread's stack, and not searched as if it were. */
export const maxStackBytes = 8 * 1024 * 1024;
/** As much of such a stack as is looked at for its calls: fibers have less, and calls that are deeper are not told from doubt. */
export const windowBytes = 256 * 1024;

/** Keeps a copy of a snapshot, as long as they are 8 MiB together. */
export function addSuspect({ suspects }: Obstacles, { tid, registers, stacks: parts }: Snapshot): void {
  const bytesOf = (all: readonly StackPart[]) => all.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const kept = suspects.reduce((sum, each) => sum + bytesOf(each.stacks), 0);
  if (kept + bytesOf(parts) > maxStackBytes) return;
  const copies = parts.map(({ start, bytes }) => ({ start, bytes: Buffer.from(bytes) }));
  suspects.push({ tid, registers: Buffer.from(registers), stacks: copies });
}

/** Whether a thread stands as in an earlier snapshot, as far as its calls depend on it. */
export function standsAs({ snapshot, calls }: KnownCalls, machine: Machine, now: Snapshot): boolean {
  return (
    snapshot.tid === now.tid &&
    machine.hasSameFrame(snapshot.registers, now.registers) &&
    calls.words.every(({ at, bytes }) =>
      now.stacks.some((part) => {
        const offset = at - part.start;
        return offset >= 0 && part.bytes.subarray(offset, offset + bytes.length).equals(bytes);
      }),
    )
  );
}
