import { createHash } from "node:crypto";

/** No single read is longer; bytes. */
export const longestRead = 64 * 1024;

/** Reads `length` bytes at `offset` of a file; fewer where the file ends. They are used before the next read. */
export type ReadAt = (offset: number, length: number) => Uint8Array;

const elf64LittleEndian = [0x7f, 0x45, 0x4c, 0x46, 2, 1];
const noteSegment = 4;
const buildIdNote = 3;
/** Bounds for hostile files; real ones have about a dozen segments. */
const maxSegments = 256;

/**
 * The GNU build-id of an ELF file, from the notes that are loaded with it, so a stripped file has it too.
 * Takes any bytes: it never throws and its work is bounded.
 *
 * @param file the file's bytes, or a reader of them, so that a large file need not be read whole
 * @returns lower-case hexadecimal; null where the bytes are no 64-bit little-endian ELF file or hold no build-id
 * @see elf(5), "Notes (Nhdr)"; ld(1), --build-id
 */
export function buildIdOf(file: Uint8Array | ReadAt): string | null {
  const read = readerOf(file);
  for (const { type, offset, size } of segmentsOf(read)) {
    if (type !== noteSegment) continue;
    const found = buildIdInNotes(read(offset, Math.min(size, longestRead)));
    if (found !== null) return found;
  }
  return null;
}

type SegmentPlace = { type: number; flags: number; offset: number; size: number };

/** The program headers that can be read; none where the bytes are no such file. */
function segmentsOf(read: ReadAt): SegmentPlace[] {
  const header = read(0, 64);
  if (header.length < 64 || elf64LittleEndian.some((byte, at) => header[at] !== byte)) return [];
  const view = viewOf(header);
  const tableOffset = offsetAt(view, 32);
  const entrySize = view.getUint16(54, true);
  const count = Math.min(view.getUint16(56, true), maxSegments);
  if (tableOffset === null || entrySize !== 56) return [];
  const table = viewOf(read(tableOffset, count * entrySize));
  const segments: SegmentPlace[] = [];
  for (let at = 0; at + entrySize <= table.byteLength; at += entrySize) {
    const offset = offsetAt(table, at + 8);
    const size = offsetAt(table, at + 32);
    if (offset === null || size === null) continue;
    segments.push({ type: table.getUint32(at, true), flags: table.getUint32(at + 4, true), offset, size });
  }
  return segments;
}

function readerOf(file: Uint8Array | ReadAt): ReadAt {
  return typeof file === "function" ? file : (offset, length) => file.subarray(offset, offset + length);
}

const loadSegment = 1;
const executable = 1;
/** More code than this is not read. */
const maxCodeBytes = 1024 ** 3;

/**
 * What a build of a program or library is known by: its GNU build-id or, where it was linked without one, the SHA-256 of its
 * executable segments, which is the same for the same code.
 *
 * @returns lower-case hexadecimal; null where the bytes are no 64-bit little-endian ELF file with code
 */
export function buildOf(file: Uint8Array | ReadAt): string | null {
  return buildIdOf(file) ?? codeDigestOf(file);
}

function codeDigestOf(file: Uint8Array | ReadAt): string | null {
  const read = readerOf(file);
  const hash = createHash("sha256");
  let total = 0;
  for (const segment of segmentsOf(read)) {
    if (segment.type !== loadSegment || (segment.flags & executable) === 0) continue;
    for (let done = 0; done < segment.size; ) {
      const bytes = read(segment.offset + done, Math.min(longestRead, segment.size - done));
      if (bytes.length === 0 || total > maxCodeBytes) return null;
      hash.update(bytes);
      done += bytes.length;
      total += bytes.length;
    }
  }
  return total === 0 ? null : hash.digest("hex");
}

/** The build-id in the bytes of one note segment, as it lies in a file or in a process's memory; null where it has none. */
export function buildIdInNotes(notes: Uint8Array): string | null {
  const view = viewOf(notes);
  for (let at = 0; at + 12 <= notes.length; ) {
    const nameSize = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const start = at + 12 + roundUp4(nameSize);
    const isGnu = nameSize === 4 && view.byteLength >= at + 16 && view.getUint32(at + 12, true) === 0x00554e47;
    if (
      isGnu &&
      view.getUint32(at + 8, true) === buildIdNote &&
      size >= 4 &&
      size <= 32 &&
      start + size <= notes.length
    ) {
      return Array.from(notes.subarray(start, start + size), (byte) => byte.toString(16).padStart(2, "0")).join("");
    }
    at = start + roundUp4(size);
  }
  return null;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit file offset; null where no file could be that long. */
function offsetAt(view: DataView, at: number): number | null {
  const value = view.getBigUint64(at, true);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : null;
}

function roundUp4(size: number): number {
  return Math.ceil(size / 4) * 4;
}
