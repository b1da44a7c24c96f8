import { type ImagePart, pageBytes } from "../../../protocol/elf/bind/link.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { Mapping } from "../../system/proc.ts";
import type { MapCall, Protection } from "./machine.ts";

/** Part of a payload's memory: offset and size in bytes, whole pages, and what the process may do with it. */
export type Run = { offset: number; size: number; protection: Protection };

/** The end of a payload's memory is room for the frames of injected system calls, writable like its variables: see `scratch.ts`. */
export const scratchBytes = 128 * 1024;

/** A jump reaches 2 GiB; less, so that the whole payload is within reach of every function. */
const reach = 2 ** 31 - 2 ** 27;
const lowestAddress = 0x1_0000;
const highestAddress = 0x7fff_ffff_f000;

/** Neighbours that a process may do the same with are one run. What lies between the parts, the header among it, can only be read. */
export function runsOf(parts: readonly ImagePart[], headerSize: number, size: number): Run[] {
  const runs: Run[] = [];
  const add = (end: number, protection: Protection) => {
    const offset = runs.reduce((sum, run) => sum + run.size, 0);
    const last = runs.at(-1);
    if (end <= offset) return;
    if (last?.protection === protection) last.size += end - offset;
    else runs.push({ offset, size: end - offset, protection });
  };
  for (const part of [...parts].sort((one, other) => one.offset - other.offset)) {
    add(headerSize + part.offset, "read");
    add(headerSize + part.offset + part.size, part.executable ? "execute" : part.writable ? "write" : "read");
  }
  add(size - scratchBytes, "read");
  add(size, "write");
  return runs;
}

/**
 * The calls that map a payload's memory, in order. The writable end comes first: it holds the frames of the calls after it. All before it
 * is then mapped as memory that can only be read, and what is to be run or written within it is mapped anew over that: so no page that
 * could be written is ever one that can be run, which some processes may not have (prctl(2), PR_SET_MDWE).
 */
function mapCalls(base: number, runs: readonly Run[]): MapCall[] {
  const callOf = ({ offset, size, protection }: Run, overOwn: boolean): MapCall => ({
    address: base + offset,
    size,
    protection,
    overOwn,
  });
  const end = runs.at(-1);
  if (!end) return [];
  const rest = runs.slice(0, -1);
  return [
    callOf(end, false),
    callOf({ offset: 0, size: end.offset, protection: "read" }, false),
    ...rest.filter(({ protection }) => protection !== "read").map((run) => callOf(run, true)),
  ];
}

const permissionsOf: Record<Protection, string> = { read: "r--p", write: "rw-p", execute: "r-xp" };

/** What of a payload's memory is mapped: `missing` are the calls that are still to be made; `isForeign` where other memory is in the way. */
export function compareMappings(
  mappings: readonly Mapping[],
  base: number,
  runs: readonly Run[],
): { missing: MapCall[]; isForeign: boolean } {
  const end = base + runs.reduce((sum, { size }) => sum + size, 0);
  const within = mappings.filter((mapping) => mapping.end > base && mapping.start < end);
  const isMapped = ({ address, size, protection, overOwn }: MapCall) => {
    const there = within.filter((mapping) => mapping.end > address && mapping.start < address + size);
    const covered = there.reduce(
      (sum, mapping) => sum + Math.min(mapping.end, address + size) - Math.max(mapping.start, address),
      0,
    );
    const isWanted = (mapping: Mapping) => mapping.permissions === permissionsOf[protection];
    return covered === size && (!overOwn && protection === "read" ? there.some(isWanted) : there.every(isWanted));
  };
  return {
    missing: mapCalls(base, runs).filter((call) => !isMapped(call)),
    isForeign: within.some((mapping) => !mapping.isAnonymous || mapping.start < base || mapping.end > end),
  };
}

/**
 * The free place nearest to an address, with a free page on either side, so that no other mapping grows together with it.
 * Not where the heap or the stack would grow into it, and below rather than above, where a first heap may yet come.
 */
export function findRoom(mappings: readonly Mapping[], near: number, size: number): number {
  const places: number[] = [];
  let free = lowestAddress;
  let above = "";
  for (const { start, end, path } of [...mappings, { start: highestAddress, end: highestAddress, path: "[stack]" }]) {
    if (start - free >= size + 2 * pageBytes) {
      if (path !== "[stack]") places.push(start - pageBytes - size);
      if (above !== "[heap]") places.push(free + pageBytes);
    }
    free = Math.max(free, end);
    above = path;
  }
  const distance = (place: number) => Math.max(Math.abs(place - near), Math.abs(place + size - near));
  const cost = (place: number) => distance(place) + (place > near ? reach : 0);
  const [best] = places.filter((place) => distance(place) < reach).sort((one, other) => cost(one) - cost(other));
  if (best === undefined) throw new SutureError("unsupported", "the process has no free memory near its code");
  return best;
}
