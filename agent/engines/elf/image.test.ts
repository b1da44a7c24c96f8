import { expect, test } from "vitest";
import type { Segment } from "../../../protocol/elf/elf-file.ts";
import type { Mapping } from "../../system/proc.ts";
import { isMappedTwice, placeOf } from "./image.ts";

const segment = (address: number, size: number): Segment => ({
  type: 1,
  readable: true,
  writable: false,
  executable: true,
  offset: address,
  address,
  fileSize: size,
  memorySize: size,
});
const mapping = (start: number, size: number, offset: number) =>
  ({
    start,
    end: start + size,
    offset,
    permissions: "r-xp",
    path: "/usr/bin/node",
    file: "8:1:1",
    isAnonymous: false,
  }) as Mapping;

test("a program that has mapped a part of its code once more is where all of it is, and functions of that part are told", () => {
  const loaded = [segment(0x1000, 0x8000), segment(0xa000, 0x1000)];
  const own = [mapping(0x40_1000, 0x8000, 0x1000), mapping(0x40_a000, 0x1000, 0xa000)];
  const again = mapping(0x7f00_0000_0000, 0x2000, 0x4000);
  const parts = [...own, again];
  expect(placeOf(loaded, parts, parts).bias).toBe(0x40_0000);
  expect(isMappedTwice(loaded, parts, 0x40_0000, 0x1500)).toBe(false);
  expect(isMappedTwice(loaded, parts, 0x40_0000, 0x5000)).toBe(true);
  // two whole images are still two
  const other = own.map(({ start, end, offset }) => mapping(start + 0x1000_0000, end - start, offset));
  expect(() => placeOf(loaded, [...own, ...other], [...own, ...other])).toThrow(/more than once/);
});
