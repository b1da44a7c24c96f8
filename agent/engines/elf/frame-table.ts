import { ByteReader } from "../../../protocol/elf/byte-reader.ts";
import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { type Factors, noRules, notUnderstood, type Rules, rulesAt } from "./frame-rules.ts";

/** The rules of one frame, with what its file says of all. */
export type Frame = Rules & {
  /** which register holds the return address; where it is "gone", nobody called this code */
  returnAddress: number;
  /** whether the kernel made it for a signal: the caller is then wherever the signal reached it */
  isSignal: boolean;
};

const frameHeaderSegment = 0x6474_e550;
const longForm = 0xffff_ffff;
/** How a pointer is written: 4 bytes, 4 signed bytes from its own place, 4 signed bytes from the table's, or 8 bytes. */
const pointer = { plain: 0x03, fromHere: 0x1b, fromTable: 0x3b, whole: 0x00 };

/**
 * How to find the caller of the code at an address of a file, as its compiler wrote it down for debuggers and exceptions
 * (.eh_frame). Throws `unsupported` where it did not, or in a way that is not understood here.
 *
 * @see System V ABI for x86-64, 4.2.4; Linux Standard Base 5.0, 10.6
 */
export function frameAt(file: ElfFile, address: number): Frame {
  try {
    const { start, size, common, program } = readFunction(file, findFunction(file, address));
    if (address < start || address >= start + size) throw notUnderstood("no function is described there");
    const entry = rulesAt(common.program, common.factors, noRules, Number.POSITIVE_INFINITY);
    return { ...rulesAt(program, common.factors, entry, address - start), ...common };
  } catch (error) {
    if (error instanceof RangeError) throw notUnderstood("a description is cut off", error);
    throw error;
  }
}

/** The place of a function's description, by the sorted table that a linker makes of them (.eh_frame_hdr). */
function findFunction(file: ElfFile, address: number): number {
  const header = file.segments.find(({ type }) => type === frameHeaderSegment);
  const bytes = header && file.bytesAt(header.address, header.fileSize);
  const begin = [1, pointer.fromHere, pointer.plain, pointer.fromTable];
  if (!bytes || begin.some((byte, at) => bytes[at] !== byte)) throw notUnderstood("a file has no table of functions");
  const entries = bytes.subarray(12);
  let low = 0;
  let high = Math.min(bytes.readUInt32LE(8), Math.floor(entries.length / 8));
  while (low < high) {
    const middle = (low + high) >> 1;
    if (header.address + entries.readInt32LE(8 * middle) <= address) low = middle + 1;
    else high = middle;
  }
  return header.address + entries.readInt32LE(8 * (low - 1) + 4);
}

type Common = { factors: Factors; returnAddress: number; isSignal: boolean; pointers: number; program: Buffer };

/** A function's description (FDE). */
function readFunction(file: ElfFile, at: number): { start: number; size: number; common: Common; program: Buffer } {
  const reader = entryAt(file, at);
  const common = readCommon(file, at + 4 - reader.number(4));
  const here = at + 4 + reader.at;
  const { pointers } = common;
  const start = pointers === pointer.fromHere ? here + reader.bytes(4).readInt32LE() : readPointer(reader, pointers);
  const size = readPointer(reader, pointers === pointer.fromHere ? pointer.plain : pointers);
  reader.skip(reader.leb());
  return { start, size, common, program: restOf(reader) };
}

/** What the descriptions of many functions have in common (CIE). */
function readCommon(file: ElfFile, at: number): Common {
  const reader = entryAt(file, at);
  const [id, version, augmentation] = [reader.number(4), reader.number(1), reader.text()];
  if (id !== 0 || version !== 1 || !/^z[LPRS]*$/.test(augmentation))
    throw notUnderstood(`a table of "${augmentation}"`);
  const factors = { code: reader.leb(), data: reader.leb(true) };
  const returnAddress = reader.number(1);
  const augmented = new ByteReader(reader.bytes(reader.leb()));
  let pointers = pointer.whole;
  for (const letter of augmentation.slice(1)) {
    if (letter === "R") pointers = augmented.number(1);
    if (letter === "L") augmented.skip(1);
    // what runs for exceptions: 4 bytes, or as many as an address has
    if (letter === "P") augmented.skip((augmented.number(1) & 7) === pointer.plain ? 4 : 8);
  }
  return { factors, returnAddress, isSignal: augmentation.includes("S"), pointers, program: restOf(reader) };
}

function entryAt(file: ElfFile, at: number): ByteReader {
  const length = file.bytesAt(at, 4)?.readUInt32LE(0) ?? 0;
  const entry = length === 0 || length === longForm ? null : file.bytesAt(at + 4, length);
  if (!entry) throw notUnderstood("a description is missing");
  return new ByteReader(entry);
}

function readPointer(reader: ByteReader, kind: number): number {
  if (kind === pointer.plain) return reader.number(4);
  if (kind !== pointer.whole) throw notUnderstood(`pointers of kind ${kind}`);
  const value = reader.bytes(8).readBigUInt64LE();
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw notUnderstood("an address that is none");
  return Number(value);
}

function restOf(reader: ByteReader): Buffer {
  return reader.bytes(reader.contents.length - reader.at);
}
