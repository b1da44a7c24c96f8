import { describe, expect, test } from "vitest";
import { findWord, wanted } from "./words.ts";

const at = (start: number, end: number) => ({ name: "code", start, end });

describe("an address on a stack is found by the words that may be one", () => {
  test.each([
    [
      "of a program at a low, fixed address and its payload below",
      [at(0x3f_0000, 0x3f_1000), at(0x40_1000, 0x40_1100)],
      0x40_1010,
    ],
    ["of a program anywhere", [at(0x5555_5555_4000, 0x5555_5555_5000)], 0x5555_5555_4001],
    ["of ranges whose shared upper bytes are zeros alone", [at(0x55ff_ffff_f000, 0x5600_0000_1000)], 0x5600_0000_0000],
  ])("%s", (_, ranges, address) => {
    const stack = Buffer.alloc(8 * 1024 * 1024);
    expect(findWord(stack, wanted(ranges), 0)).toBeNull();
    // not where it is no aligned word, nor right behind a range
    stack.writeBigUInt64LE(BigInt(address), 1001);
    stack.writeBigUInt64LE(BigInt(ranges.at(-1)?.end ?? 0), 4096);
    expect(findWord(stack, wanted(ranges), 0)).toBeNull();
    stack.writeBigUInt64LE(BigInt(address), 8000);
    stack.writeBigUInt64LE(BigInt(address), 4_000_000);
    expect(findWord(stack, wanted(ranges), 0)).toMatchObject({ offset: 8000 });
    expect(findWord(stack, wanted(ranges), 8008)).toMatchObject({ offset: 4_000_000 });
    // a piece of memory that begins anywhere
    expect(findWord(stack.subarray(7, 16_007), wanted(ranges), 0)).toBeNull();
    expect(findWord(stack.subarray(8000 - 16, 16_000), wanted(ranges), 0)).toMatchObject({ offset: 16 });
  });
});
