import { closeSync, openSync, readSync } from "node:fs";

const pageBytes = 4096;
const entryBytes = 8;
/** Bits 62 and 63 of an entry: swapped out, or in memory. */
const isThere = 0xc0;
const buffer = Buffer.alloc(64 * 1024);

/**
 * The parts of a process's memory between two addresses that were ever touched, in order, neighbours together. Of private memory without a
 * file behind it the others hold nothing but zeros. All of it where the kernel does not tell.
 *
 * @see proc_pid_pagemap(5)
 */
export function populatedRanges(tid: number, from: number, to: number): { start: number; size: number }[] {
  const ranges: { start: number; size: number }[] = [];
  let file: number;
  try {
    file = openSync(`/proc/${tid}/pagemap`, "r");
  } catch {
    return [{ start: from, size: to - from }];
  }
  try {
    const first = Math.floor(from / pageBytes);
    const pages = Math.ceil(to / pageBytes) - first;
    for (let done = 0; done < pages; ) {
      const wanted = Math.min(buffer.length, (pages - done) * entryBytes);
      const count = Math.floor(readSync(file, buffer, 0, wanted, (first + done) * entryBytes) / entryBytes);
      if (count === 0) return [{ start: from, size: to - from }];
      for (let index = 0; index < count; index++) {
        if (((buffer[index * entryBytes + 7] ?? 0) & isThere) === 0) continue;
        const start = Math.max(from, (first + done + index) * pageBytes);
        const end = Math.min(to, (first + done + index + 1) * pageBytes);
        const last = ranges.at(-1);
        if (last && last.start + last.size === start) last.size += end - start;
        else ranges.push({ start, size: end - start });
      }
      done += count;
    }
    return ranges;
  } finally {
    closeSync(file);
  }
}
