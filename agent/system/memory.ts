import { readFileSync } from "node:fs";
import koffi from "koffi";
import { ifReadable } from "./proc.ts";

/** linux/mman.h */
const dontNeed = 4;
/** A part of an address space as /proc/PID/smaps describes it: where it is, and what it holds that no file has. */
const mapping = /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +\/.*\n(?:(?!Anonymous:).*\n)*Anonymous: +0 kB$/gm;

/**
 * Prepares to give back memory before a long sleep: what the allocator has and does not use, and the pages of programs and libraries
 * that are as they are in their files. Of Node alone that is 30 MiB, most of it for its start; what is wanted again the kernel maps
 * again, from its cache. Where the allocator is another than glibc's, it keeps what it has.
 */
export function memoryGiver(): () => void {
  const libc = koffi.load(null);
  const madvise = libc.func("int madvise(uintptr_t address, size_t size, int advice)");
  const trim = ifThere(() => libc.func("int malloc_trim(size_t pad)"));
  return () => {
    trim?.(0);
    const smaps = ifReadable(() => readFileSync("/proc/self/smaps", "utf8")) ?? "";
    for (const [, start = "", end = ""] of smaps.matchAll(mapping)) {
      const address = Number.parseInt(start, 16);
      madvise(address, Number.parseInt(end, 16) - address, dontNeed);
    }
  };
}

function ifThere<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
