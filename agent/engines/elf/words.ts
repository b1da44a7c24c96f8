import type { AddressRange } from "./machine.ts";

/** Ranges, and what is to be known of them before a target stands still. */
export type WantedRanges = { ranges: readonly AddressRange[]; needle: Buffer; lowerBytes: number };

/** The upper bytes that all addresses of the ranges share, of which there is at least one, and how many bytes there are below them. */
export function wanted(ranges: readonly AddressRange[]): WantedRanges {
  const low = wordOf(Math.min(...ranges.map((range) => range.start)));
  const high = wordOf(Math.max(...ranges.map((range) => range.end)));
  let lowerBytes = 7;
  while (lowerBytes > 1 && low[lowerBytes - 1] === high[lowerBytes - 1]) lowerBytes--;
  return { ranges, needle: low.subarray(lowerBytes), lowerBytes };
}

/** The range that an address lies in. */
export function rangeOf(address: number, ranges: readonly AddressRange[]): AddressRange | undefined {
  return ranges.find((range) => address >= range.start && address < range.end);
}

/**
 * The first aligned word from a place on that lies in a range. The upper bytes, which all addresses of the ranges share, are looked
 * for with a native search; only a hit is compared exactly. Of a program at a low, fixed address they are zeros, as most of an unused stack
 * is: there every word is compared, which takes a hundredth of the time.
 */
export function findWord(
  bytes: Buffer,
  wanted: WantedRanges,
  from: number,
): { offset: number; range: AddressRange } | null {
  const { ranges, needle, lowerBytes } = wanted;
  if (needle[0] === 0) return findAmongZeros(bytes, wanted, from);
  for (let hit = bytes.indexOf(needle, from); hit >= 0; hit = bytes.indexOf(needle, hit + 1)) {
    const offset = hit - lowerBytes;
    if (offset < from || offset % 8 !== 0) continue;
    const range = rangeOf(readWord(bytes, offset), ranges);
    if (range) return { offset, range };
  }
  return null;
}

function findAmongZeros(
  bytes: Buffer,
  { ranges }: WantedRanges,
  from: number,
): { offset: number; range: AddressRange } | null {
  const low = Math.min(...ranges.map((range) => range.start));
  const high = Math.max(...ranges.map((range) => range.end));
  const isAligned = bytes.byteOffset % 4 === 0;
  const own = isAligned ? bytes : Buffer.from(Uint8Array.from(bytes).buffer);
  const halves = new Uint32Array(own.buffer, own.byteOffset, Math.floor(own.length / 8) * 2);
  for (let at = 2 * Math.ceil(from / 8); at < halves.length; at += 2) {
    const word = (halves[at] ?? 0) + (halves[at + 1] ?? 0) * 2 ** 32;
    if (word < low || word >= high) continue;
    const range = rangeOf(word, ranges);
    if (range) return { offset: at * 4, range };
  }
  return null;
}

/** The aligned places of a word, or of the first bytes of one, as offsets. */
export function* placesOf(bytes: Buffer, word: Buffer): Generator<number> {
  for (let at = bytes.indexOf(word); at >= 0; at = bytes.indexOf(word, at + 1)) if (at % 8 === 0) yield at;
}

/** A word as a number; one that is no address may lose its lowest bits. */
export function readWord(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset) + bytes.readUInt32LE(offset + 4) * 2 ** 32;
}

function wordOf(address: number): Buffer {
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(address));
  return word;
}
