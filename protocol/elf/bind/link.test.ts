import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { buildIdOf } from "../../build-id.ts";
import { isSutureError } from "../../errors.ts";
import { ElfFile } from "../elf-file.ts";
import { checkPayload, link, payloadFunction } from "./link.ts";
import { x86_64Processor as x86_64 } from "./processor.ts";

/** A real library, whatever this machine has: the one that holds this test's own native code. */
const library = readFileSync(
  readFileSync("/proc/self/maps", "latin1").match(/ (\/\S*\/libm\.so\S*|\/\S*\/ld-\S+)\n/)?.[1] ?? "",
);

/** Everything that is ever read of a file, from a payload's view. */
function readAll(bytes: Uint8Array): void {
  const file = new ElfFile(bytes);
  file.symbols.find("sin");
  file.dynamicSymbols.derivedFrom("sin");
  let left = 5000;
  for (const { symbol } of file.relocations()) {
    if (left-- === 0) break;
    file.dynamicSymbols.at(symbol);
  }
  checkPayload(file, x86_64);
  payloadFunction(file, "sin", 0x10000);
  link(file, 0x10000, x86_64, () => 0x1000);
}

/** Random bytes written over a file's tables, where they hurt: its first pages and its last. */
const damage = fc.array(
  fc.record({
    at: fc.oneof(
      fc.nat(255),
      fc.nat(16_383),
      fc.nat(4095).map((back) => library.length - 1 - back),
    ),
    bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 8 }), fc.constant(new Uint8Array(8).fill(255))),
  }),
  { minLength: 1, maxLength: 12 },
);

describe("hostile ELF files", () => {
  test("the library that the damage is done to is a readable one", () => {
    expect(buildIdOf(library)).toMatch(/^[0-9a-f]{40}$/);
    expect(new ElfFile(library).dynamicSymbols.isEmpty).toBe(false);
  });

  test("whatever bytes are changed or cut off, reading ends, and throws nothing but a SutureError", () => {
    fc.assert(
      fc.property(damage, fc.option(fc.nat(library.length)), (changes, cut) => {
        const bytes = Buffer.from(library.subarray(0, cut ?? library.length));
        for (const change of changes)
          if (change.at < bytes.length) bytes.set(change.bytes.subarray(0, bytes.length - change.at), change.at);
        const buildId = buildIdOf(bytes);
        expect(buildId === null || /^(?:[0-9a-f]{2}){4,32}$/.test(buildId)).toBe(true);
        try {
          readAll(bytes);
        } catch (error) {
          if (!isSutureError(error)) throw error;
        }
      }),
      { numRuns: 300 },
    );
  });
});
