import { pageBytes } from "../../../protocol/elf/bind/link.ts";
import type { Mapping } from "../../system/proc.ts";
import { readPageMap } from "../../system/untouched-pages.ts";
import type { Machine } from "./machine.ts";

/** A thread's control block lies at the end of the memory that the C library maps for its stack; this is more than it takes. */
const controlBlockBytes = 8192;
/** Stacks larger than this are not looked at. */
const maxStackBytes = 64 * 1024 * 1024;

/**
 * The end of room for a frame at the very bottom of the stack that the kernel, or the C library, gave a stopped thread: pages that nobody
 * has ever touched, below all that was ever on it. What the thread stands on now, which may be memory of a few KiB that a program cut from
 * something larger, is not looked at. Null where the thread has no such stack, or not as much room.
 *
 * @param size of the frame and of what may come below it, in bytes, whole pages
 */
export function roomOnOwnStack(
  pid: number,
  tid: number,
  machine: Machine,
  registers: Buffer,
  mappings: readonly Mapping[],
  size: number,
): number | null {
  const stack = ownStackOf(pid, tid, machine, registers, mappings);
  if (stack?.permissions !== "rw-p" || stack.end - stack.start > maxStackBytes) return null;
  const pages = readPageMap(tid, stack.start, (stack.end - stack.start) / pageBytes);
  if (!pages) return null;
  const top = machine.stackPointer(registers);
  if (tid === pid && top >= stack.start && top < stack.end) return roomBelow(top, stack, pages, size / pageBytes);
  const guards = pages.findIndex((page) => page !== "guard");
  const touched = pages.indexOf("touched");
  const isGuarded = tid === pid || guards > 0 || hasGuardBelow(stack, mappings);
  // of memory that others use too, as a pool of stacks, something else would be untouched further up
  const isOne = tid === pid || !pages.includes("untouched", touched);
  if (!isGuarded || !isOne || touched - guards < size / pageBytes) return null;
  const end = stack.start + guards * pageBytes + size;
  // it may have made room there without touching it yet
  const isBelow = top < stack.start || top >= stack.end || top - pageBytes >= end;
  return isBelow ? end : null;
}

/**
 * The end of the lowest room on the first thread's stack that was never touched and lies below where the thread stands on it. What is there is
 * not in use, though pages below it were touched: Ruby reaches for the end of its stack when it starts.
 */
function roomBelow(top: number, stack: Mapping, pages: readonly string[], wanted: number): number | null {
  let run = 0;
  for (const [index, page] of pages.entries()) {
    run = page === "untouched" ? run + 1 : 0;
    if (run < wanted) continue;
    const end = stack.start + (index + 1) * pageBytes;
    return top - pageBytes >= end ? end : null;
  }
  return null;
}

/** The stack that the kernel gave a process's first thread; of another the memory at whose end the thread's control block lies. */
export function ownStackOf(
  pid: number,
  tid: number,
  machine: Machine,
  registers: Buffer,
  mappings: readonly Mapping[],
): Mapping | undefined {
  if (tid === pid) return mappings.find(({ path }) => path === "[stack]");
  const block = machine.threadPointer(registers);
  return mappings.find(
    ({ start, end, isAnonymous }) => isAnonymous && block >= start && block < end && end - block <= controlBlockBytes,
  );
}

function hasGuardBelow({ start }: Mapping, mappings: readonly Mapping[]): boolean {
  return mappings.some((mapping) => mapping.end === start && mapping.permissions === "---p");
}
