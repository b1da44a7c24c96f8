import { readFileSync } from "node:fs";
import { relocation } from "../../cli/elf/object/relocations.ts";
import { headerBytes, pageBytes, writeSharedObject } from "../../cli/elf/payload/shared-object.ts";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { type OutwardReference, outwardReferences } from "./machine-code.ts";

/** A function of an ELF file, by its address there, and its size in bytes. */
export type CodeRange = { name: string; address: number; size: number };

/** A payload whose functions do exactly what those of the target do, and count their calls. */
export type IdenticalPayload = {
  bytes: Buffer;
  functions: { name: string; replacement: string; aliases: string[] }[];
  /** what to add to the address of a replacement to get that of its counter, eight bytes */
  counterOf: ReadonlyMap<string, number>;
};

/** `lock incq counter(%rip)`: at a function's entry nobody needs the flags */
const count = Buffer.from([0xf0, 0x48, 0xff, 0x05, 0, 0, 0, 0]);
/** entry bytes that an engine needs for its jump; 4 more where the entry is a landing pad */
const shortest = { plain: 5, withLandingPad: 9 };
const landingPad = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);

/**
 * Makes a payload out of the target's own machine code: each function is copied, bound to all that it refers to, and behaves as before;
 * real code that runs, calls, is on stacks and is left again. Functions that cannot be moved or patched are left out.
 *
 * @param path the ELF file that runs
 * @param wanted functions of it
 * @returns null where none of them can be copied
 */
export function identicalPayload(path: string, wanted: readonly CodeRange[]): IdenticalPayload | null {
  const file = new ElfFile(readFileSync(path));
  const copies = wanted.flatMap((range) => {
    const code = patchableCode(file, range);
    const references = code && referencesOf(path, range.address, code);
    return code && references ? [{ ...range, code, references }] : [];
  });
  if (copies.length === 0) return null;

  const codeStart = Math.ceil(headerBytes / pageBytes) * pageBytes;
  let end = codeStart;
  const placed = copies.map((copy) => {
    const at = end;
    end = Math.ceil((at + count.length + copy.code.length) / 16) * 16;
    return { ...copy, at };
  });
  const variables = Math.ceil(end / pageBytes) * pageBytes;
  const image = Buffer.alloc(variables + 8 * copies.length);
  image.fill(0xcc, codeStart, variables);
  const counterOf = new Map<string, number>();
  const later = placed.flatMap(({ name, at, code, references }, index) => {
    const counter = variables + 8 * index;
    count.copy(image, at);
    image.writeInt32LE(counter - (at + count.length), at + 4);
    const body = at + count.length;
    code.copy(image, body);
    counterOf.set(name, counter - at);
    return references.map((reference) => ({
      at: body + reference.at,
      type: relocation.distance,
      symbol: { name: `${name}_${reference.to.toString(16)}`, address: reference.to },
      addend: reference.at - reference.from,
    }));
  });
  const exported = placed.map(({ name, at, code }) => ({ name: `${name}_copy`, at, size: count.length + code.length }));
  return {
    bytes: writeSharedObject({ image, code: codeStart, variables, later, exported }),
    functions: placed.map(({ name, address }) => ({
      name,
      replacement: `${name}_copy`,
      aliases: namesAt(file, address),
    })),
    counterOf,
  };
}

/** All names of the code at an address: a copy that does the same is right for each of them. */
function namesAt(file: ElfFile, address: number): string[] {
  const symbols = [file.dynamicSymbols, file.symbols].flatMap((table) => table.within(address, 1));
  return [...new Set(symbols.map(({ name }) => name))].filter((name) => name !== "").slice(0, 64);
}

/** By file and address, since several payloads are made of a program's functions. */
const knownReferences = new Map<string, OutwardReference[] | null>();

function referencesOf(path: string, address: number, code: Buffer): OutwardReference[] | null {
  const key = `${path} ${address} ${code.length}`;
  const known = knownReferences.get(key);
  const references = known === undefined ? outwardReferences(path, address, code) : known;
  knownReferences.set(key, references);
  return references;
}

/** The code of a function that has room for a jump at its entry; null where it has none. */
function patchableCode(file: ElfFile, { address, size }: CodeRange): Buffer | null {
  const code = file.bytesAt(address, Math.max(size, 16))?.subarray(0, size);
  if (!code) return null;
  const isPad = code.subarray(0, 4).equals(landingPad);
  const needed = isPad ? shortest.withLandingPad : shortest.plain;
  // the jump is written page by page, so it must not lie across two
  const isWhole = Math.floor((address + needed - 5) / pageBytes) === Math.floor((address + needed - 1) / pageBytes);
  return size >= needed && isWhole ? code : null;
}
