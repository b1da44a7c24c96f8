import { readFileSync } from "node:fs";
import koffi from "koffi";
import { ifReadable } from "./proc.ts";

/** linux/mman.h */
const dontNeed = 4;
/** A part of an address space that cannot be written and holds nothing but what its file has, as /proc/PID/smaps describes it. */
const fileMapping =
  /^([0-9a-f]+)-([0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* +\/.*\n(?:(?!Anonymous:).*\n)*Anonymous: +0 kB$/gm;

/** Above this there is something to give back; bytes. An agent that only polls stays below, and is left alone. */
const enough = 47 * 1024 * 1024;

/**
 * Prepares to give back memory before a sleep: garbage, what the allocator has and does not use, and the pages of programs and
 * libraries that are as they are in their files. Of Node alone that is 30 MiB, most of it for its start; what is wanted again the
 * kernel maps again, from its cache. Where the allocator is not glibc's it keeps what it has.
 */
export function memoryGiver(): () => void {
  if (process.platform !== "linux") return () => {};
  const libc = koffi.load(null);
  const madvise = libc.func("int madvise(uintptr_t address, size_t size, int advice)");
  const trim = ifThere(() => libc.func("int malloc_trim(size_t pad)"));
  return () => {
    if (process.memoryUsage.rss() < enough) return;
    // Where Node was told to let us (agent/package/release.sh)
    globalThis.gc?.();
    trim?.(0);
    const smaps = ifReadable(() => readFileSync("/proc/self/smaps", "utf8")) ?? "";
    for (const [, start = "", end = ""] of smaps.matchAll(fileMapping)) {
      const address = Number.parseInt(start, 16);
      madvise(address, Number.parseInt(end, 16) - address, dontNeed);
    }
  };
}

/** The function; undefined where the library has none of that name. */
function ifThere<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}
