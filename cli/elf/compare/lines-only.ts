import { lineAt } from "../debug/lines.ts";
import type { BuiltObject } from "../object/built-object.ts";
import type { Piece } from "../object/object-file.ts";
import { relocationBytes } from "../object/relocations.ts";
import type { Leniency } from "./same.ts";

/**
 * Takes two pieces of code for the same where they differ in nothing but line numbers of the source, as `assert` and logging macros have
 * them, and two texts where they differ in nothing but the day and time of the build. Whatever could be the fix's own counts: a number is
 * taken for a line only where an instruction loads it as it is, and where it is, in both builds, the very line that the debugging
 * information gives for that instruction.
 */
export function lineNumbersAside(before: BuiltObject, after: BuiltObject): Leniency {
  return {
    bytes: (old, now) =>
      old.kind === "code" ? differsInLines(before, old, after, now) : holdsItsLine(before, old, after, now),
    text: (old, now) => withoutDates(old).equals(withoutDates(now)),
  };
}

function differsInLines(before: BuiltObject, old: Piece, after: BuiltObject, now: Piece): boolean {
  if (old.bytes.length !== now.bytes.length) return false;
  for (let at = 0; at < now.bytes.length; ) {
    if (old.bytes[at] === now.bytes[at]) {
      at++;
      continue;
    }
    const behind = loadedLineAt(before, old, after, now, at);
    if (behind === null) return false;
    at = behind;
  }
  return true;
}

/** Whether data differ in nothing but the line that they are declared in, as the static records of logging macros do. */
function holdsItsLine(before: BuiltObject, old: Piece, after: BuiltObject, now: Piece): boolean {
  const [was, is] = [before.sourceOf(old)?.line, after.sourceOf(now)?.line];
  if (was === undefined || is === undefined || old.bytes.length !== now.bytes.length) return false;
  for (let at = 0; at < now.bytes.length; at += 4) {
    if (old.bytes.subarray(at, at + 4).equals(now.bytes.subarray(at, at + 4))) continue;
    if (read(old.bytes, at, 4) !== was || read(now.bytes, at, 4) !== is) return false;
  }
  return true;
}

/** Where the number ends that begins at most 3 bytes before a difference, if it is a line in both builds; else null. */
function loadedLineAt(before: BuiltObject, old: Piece, after: BuiltObject, now: Piece, at: number): number | null {
  for (let start = Math.max(0, at - 3); start <= at; start++) {
    for (const { begin, size } of instructionsThatLoad(now.bytes, start)) {
      const [was, is] = [read(old.bytes, start, size), read(now.bytes, start, size)];
      if (was === null || is === null || start + size <= at) continue;
      if (!old.bytes.subarray(begin, start).equals(now.bytes.subarray(begin, start))) continue;
      if (overlapsReference(now, begin, start + size)) continue;
      const places = [
        lineAt(before.lines(), { section: old.section, at: begin }),
        lineAt(after.lines(), { section: now.section, at: begin }),
      ];
      if (places[0]?.line === was && places[1]?.line === is && places[0].file === places[1].file) return start + size;
    }
  }
  return null;
}

/**
 * The instructions that load a number which begins at a place, by where they begin: `mov $n, %reg`, `movl $n, memory` and `push $n` of
 * x86-64. Comparisons and sums are not among them.
 */
function instructionsThatLoad(code: Buffer, number: number): { begin: number; size: number }[] {
  const byte = (back: number) => code[number - back] ?? -1;
  const found: { begin: number; size: number }[] = [];
  // [REX] B8+r imm32
  if ((byte(1) & 0xf8) === 0xb8) found.push({ begin: number - (byte(2) === 0x41 ? 2 : 1), size: 4 });
  if (byte(1) === 0x68) found.push({ begin: number - 1, size: 4 });
  if (byte(1) === 0x6a) found.push({ begin: number - 1, size: 1 });
  // [REX] C7 /0 modrm [sib] [disp] imm32
  for (const length of [1, 2, 3, 5, 6]) {
    if (byte(length + 1) !== 0xc7 || addressBytes(code, number - length) !== length) continue;
    const hasPrefix = (byte(length + 2) & 0xf0) === 0x40;
    found.push({ begin: number - length - (hasPrefix ? 2 : 1), size: 4 });
  }
  return found;
}

/** How many bytes the operand takes that begins with a ModRM byte, where that has no operation in it; else 0. */
function addressBytes(code: Buffer, at: number): number {
  const modrm = code[at] ?? 0xff;
  const [mode, operation, base] = [modrm >> 6, (modrm >> 3) & 7, modrm & 7];
  if (operation !== 0) return 0;
  if (mode === 3) return 1;
  const hasIndex = base === 4;
  const isFar = mode === 2 || (mode === 0 && (base === 5 || (hasIndex && ((code[at + 1] ?? 0) & 7) === 5)));
  return 1 + (hasIndex ? 1 : 0) + (isFar ? 4 : mode === 1 ? 1 : 0);
}

function read(bytes: Buffer, at: number, size: number): number | null {
  return at + size <= bytes.length ? bytes.readUIntLE(at, size) : null;
}

function overlapsReference({ references }: Piece, begin: number, end: number): boolean {
  return references.some(
    ({ at, type }) => at + relocationBytes(type) > end - 4 && at < end && at >= end - 4 && begin < end,
  );
}

/** `__DATE__` and `__TIME__` (C11, 6.10.8.1). */
const dates = /\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 123]\d \d{4}\b|\b[012]\d:[0-5]\d:[0-6]\d\b/g;

function withoutDates(text: Buffer): Buffer {
  return Buffer.from(text.toString("latin1").replaceAll(dates, "(date)"), "latin1");
}
