import { readFileSync } from "node:fs";
import { ifPresent, type ProcessMemory } from "../../system/proc.ts";
import type { Reader } from "./machine.ts";
import { scratchBytes } from "./memory-plan.ts";

/**
 * The writable end of a payload's memory, in which the frames of injected system calls lie once it is mapped: nothing of the program's is
 * there. It has slots, so that a thread which an agent left behind when it was killed still finds its frame where it was. A slot begins with
 * a mark and the number of the thread that uses it, 0 for none; its frame lies at its end, below it is room for a signal's handler.
 */
const slotBytes = 32 * 1024;
const mark = Buffer.from("SUTSCR\0\x01", "latin1");

/** Marks the slots of scratch memory that was mapped and may not bear marks yet. Throws where it cannot be written. */
export function markScratch(memory: ProcessMemory, start: number): void {
  for (const slot of slotsOf(start)) if (!isMarked(memory, slot)) memory.write(slot, mark);
}

/** The slots at the end of payloads' memory; payloads that agents up to 0.1 mapped have none. */
export function slotsIn(memory: Reader, payloads: readonly { base: number; size: number }[]): number[] {
  return payloads.flatMap(({ base, size }) =>
    slotsOf(base + size - scratchBytes).filter((slot) => isMarked(memory, slot)),
  );
}

/** The first slot that no thread uses, taken for a thread; null where there is none. */
export function takeSlot(pid: number, memory: ProcessMemory, slots: readonly number[], tid: number): Slot | null {
  const free = slots.find((slot) => {
    const user = memory.read(slot + mark.length, 4).readUInt32LE(0);
    return user === 0 || hasLeft(pid, user, slot);
  });
  if (free === undefined) return null;
  const note = (user: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(user);
    memory.write(free + mark.length, bytes);
  };
  note(tid);
  return { end: free + slotBytes, release: () => note(0) };
}

/** `end` is where its frame ends; `release` is not to be called while a thread may still return through the frame. */
export type Slot = { end: number; release(): void };

/** Whether a thread of which an earlier agent wrote that it uses a slot has returned from it: where it waits now says so. */
function hasLeft(pid: number, tid: number, slot: number): boolean {
  const text = ifPresent(() => readFileSync(`/proc/${pid}/task/${tid}/syscall`, "latin1"));
  if (text === undefined) return true;
  const [stack] = text.trim().split(" ").slice(-2);
  // "running" says nothing of where
  if (!stack?.startsWith("0x")) return false;
  const address = Number(stack);
  return address < slot || address > slot + slotBytes;
}

function slotsOf(start: number): number[] {
  return Array.from({ length: scratchBytes / slotBytes }, (_, at) => start + at * slotBytes);
}

function isMarked(memory: Reader, slot: number): boolean {
  try {
    return memory.read(slot, mark.length).equals(mark);
  } catch {
    return false; // not mapped
  }
}
