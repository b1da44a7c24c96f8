import { closeSync, openSync, readSync } from "node:fs";
import { ifReadable } from "./system-errors.ts";

const pageBytes = 4096;
const entryBytes = 8;
/** In the upper four bytes of an entry: the page is there, it is swapped out, it is a guard (Linux 6.15). */
const [present, swapped, guard] = [2 ** 31, 2 ** 30, 2 ** 26];

/**
 * Of pages one after the other: "untouched" where nobody has written or read it since it was mapped, so that it holds nothing yet, "guard"
 * where any access ends the process. Null where the kernel does not tell.
 *
 * @see https://docs.kernel.org/admin-guide/mm/pagemap.html
 */
export function readPageMap(tid: number, start: number, pages: number): ("untouched" | "touched" | "guard")[] | null {
  const bytes = Buffer.alloc(pages * entryBytes);
  const isRead = ifReadable(() => {
    const file = openSync(`/proc/${tid}/pagemap`, "r");
    try {
      return readSync(file, bytes, 0, bytes.length, (start / pageBytes) * entryBytes) === bytes.length;
    } finally {
      closeSync(file);
    }
  });
  if (isRead !== true) return null;
  return Array.from({ length: pages }, (_, page) => {
    const upper = bytes.readUInt32LE(page * entryBytes + 4);
    if (hasBit(upper, guard)) return "guard";
    return hasBit(upper, present) || hasBit(upper, swapped) ? "touched" : "untouched";
  });
}

function hasBit(value: number, bit: number): boolean {
  return Math.floor(value / bit) % 2 === 1;
}
