import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ElfFile, sectionType } from "../../protocol/elf/elf-file.ts";
import { changed, changesOf, readEveryWay } from "../support/elf/hostile.ts";
import { buildTarget } from "../support/elf/target.ts";

let directory: string;
let files: Buffer[];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "suture-hostile-"));
  const { binary, payload } = buildTarget(directory);
  files = [readFileSync(payload), readFileSync(binary)];
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test("whatever is changed in a program or a payload, it is read, or refused with a reason", () => {
  for (const file of files) {
    fc.assert(
      fc.property(changesOf(file.length), (changes) => readEveryWay(changed(file, changes))),
      { numRuns: 400 },
    );
  }
});

test("bytes that are no ELF file at all are refused, and have no build", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 512 }), (bytes) => readEveryWay(Buffer.from(bytes))),
    { numRuns: 300 },
  );
});

test("tables that all lie over one large one are not read over and over", () => {
  const [payload = Buffer.alloc(0)] = files;
  const file = new ElfFile(payload);
  const count = 20_000;
  const table = Buffer.alloc(24 * 10_000, 0x08);
  const sections = Buffer.alloc(64 * count);
  for (let at = 0; at < sections.length; at += 64) {
    sections.writeUInt32LE(sectionType.relocations, at + 4);
    sections.writeUInt32LE(2, at + 8); // allocated
    sections.writeUInt32LE(payload.length, at + 24);
    sections.writeUInt32LE(table.length, at + 32);
  }
  const hostile = Buffer.concat([payload, table, sections]);
  hostile.writeUInt32LE(payload.length + table.length, 40);
  hostile.writeUInt16LE(count, 60);
  expect(file.sections.length).toBeGreaterThan(0);
  let read = 0;
  expect(() => {
    for (const _ of new ElfFile(hostile).relocations()) read++;
  }).toThrow(/damaged/);
  expect(read).toBeLessThan(hostile.length / 24);
});
