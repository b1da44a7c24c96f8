import { readRanges } from "../../system/remote-memory.ts";
import { maxStackBytes, type Search, windowBytes } from "./search.ts";
import type { Snapshot, StackPart } from "./unwind.ts";
import { placesOf, readWord } from "./words.ts";

/** A handler that another signal interrupted, and so on; what ended handlers left on a stack counts too. */
const maxStacks = 16;

/**
 * The stacks, other than those of the snapshot, that signals interrupted: a handler on an alternate stack (sigaltstack(2)) returns to the
 * stack pointer that the kernel saved in its frame, and the calls there are calls of the thread. A frame is known by the segment registers
 * that the kernel saves with the others; one that an ended handler left behind costs nothing but a look at where it came from.
 *
 * @see arch/x86/include/uapi/asm/sigcontext.h
 */
export function interruptedStacks({ machine, mappingOf }: Search, { tid, registers, stacks }: Snapshot): StackPart[] {
  const found: StackPart[] = [];
  const mark = machine.signalMark(registers);
  const queue = [...stacks];
  for (let part = queue.shift(); part; part = queue.shift()) {
    for (const place of placesOf(part.bytes, mark)) {
      const at = place - machine.savedStackPointerBefore;
      const pointer = at < 0 ? 0 : Math.floor(readWord(part.bytes, at) / 8) * 8;
      const isKnown = [...stacks, ...found].some(
        ({ start, bytes }) => pointer >= start && pointer < start + bytes.length,
      );
      const mapping = isKnown || found.length >= maxStacks ? null : mappingOf(pointer);
      if (!mapping) continue;
      const isCut = mapping.end - pointer > maxStackBytes;
      const size = isCut ? windowBytes : mapping.end - pointer;
      const bytes = Buffer.allocUnsafe(size);
      if (!readRanges(tid, [{ start: pointer, size }], bytes)) continue;
      const other: StackPart = isCut ? { start: pointer, bytes, isCut } : { start: pointer, bytes };
      found.push(other);
      queue.push(other);
    }
  }
  return found;
}
