import fc from "fast-check";
import { frameAt } from "../../../agent/engines/elf/frame-table.ts";
import { x86_64 } from "../../../agent/engines/elf/x86-64.ts";
import { buildOf } from "../../../protocol/build-id.ts";
import { readSymbols } from "../../../protocol/elf/bind/functions.ts";
import { checkPayload, link } from "../../../protocol/elf/bind/link.ts";
import { readDynamic } from "../../../protocol/elf/dynamic.ts";
import { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../../protocol/errors.ts";

/** Values that break readers: nothing, all, the greatest of each size, and near misses. */
const extremes = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** A change of a file: bytes overwritten, words set to extremes, tables pointed elsewhere, the end cut off. */
export type Change =
  | { kind: "byte"; at: number; value: number }
  | { kind: "word"; at: number; value: number }
  | { kind: "copy"; from: number; to: number; size: number }
  | { kind: "cut"; at: number };

/** Changes of a file of this size; most of them where its headers and tables are. */
export function changesOf(size: number): fc.Arbitrary<Change[]> {
  const place = fc.oneof(
    fc.nat(63),
    fc.nat(1023),
    fc.nat(size - 1),
    fc.nat(4095).map((back) => Math.max(0, size - 1 - back)),
  );
  const value = fc.oneof(fc.constantFrom(...extremes), fc.nat(size));
  const change = fc.oneof(
    fc.record({ kind: fc.constant("byte" as const), at: place, value: fc.nat(255) }),
    fc.record({ kind: fc.constant("word" as const), at: place, value }),
    fc.record({ kind: fc.constant("copy" as const), from: place, to: place, size: fc.nat(256) }),
    fc.record({ kind: fc.constant("cut" as const), at: fc.nat(size) }),
  );
  return fc.array(change, { minLength: 1, maxLength: 12 });
}

export function changed(bytes: Buffer, changes: readonly Change[]): Buffer {
  let result = Buffer.from(bytes);
  for (const change of changes) {
    if (change.kind === "cut") result = result.subarray(0, change.at);
    else if (change.kind === "copy" && change.to < result.length)
      result.set(
        result.subarray(change.from, change.from + change.size).subarray(0, result.length - change.to),
        change.to,
      );
    else if (change.kind === "byte" && change.at < result.length) result[change.at] = change.value;
    else if (change.kind === "word" && change.at + 4 <= result.length) result.writeUInt32LE(change.value, change.at);
  }
  return result;
}

/** Reads a file in every way that the agent does. Throws where a reader throws anything but `unsupported`. */
export function readEveryWay(bytes: Buffer): void {
  buildOf(bytes);
  const file = orUnsupported(() => new ElfFile(bytes));
  if (!file) return;
  for (const segment of file.segments) {
    orUnsupported(() => file.bytesAt(segment.address, segment.fileSize));
    for (const part of [0.1, 0.5, 0.9]) {
      orUnsupported(() => frameAt(file, segment.address + Math.floor(part * segment.memorySize)));
    }
  }
  for (const section of file.sections) {
    orUnsupported(() => file.nameOf(section));
    orUnsupported(() => file.contentsOf(section));
  }
  for (const table of [file.symbols, file.dynamicSymbols]) {
    orUnsupported(() => table.find("one_fixed"));
    orUnsupported(() => table.derivedFrom("one"));
    orUnsupported(() => table.at(Math.max(0, table.size - 1)));
    orUnsupported(() => table.isNamed(1, "one_fixed"));
  }
  orUnsupported(() => [...file.relocations()].length);
  orUnsupported(() => readDynamic(file));
  orUnsupported(() => readSymbols({ file: () => file, symbols: () => file.symbols }).dynamic.named("one_fixed"));
  orUnsupported(() => {
    checkPayload(file, x86_64);
    link(file, 0x7000_0000, x86_64, () => 0x1000);
  });
}

function orUnsupported<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!isSutureError(error, "unsupported")) throw error;
    return undefined;
  }
}
