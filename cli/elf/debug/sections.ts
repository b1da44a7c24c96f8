import { inflateSync, zstdDecompressSync } from "node:zlib";
import { type ElfFile, type Section, sectionType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import type { Place } from "./forms.ts";

/** A section with debugging information, its references to other such sections filled in. */
export type DebugSection = {
  index: number;
  bytes: Buffer;
  /** where the bytes at an offset lead, by the relocation that is there */
  relocated: (offset: number) => Place | undefined;
};

const compressed = 0x800;
const compression = { zlib: 1, zstd: 2 };
const relocation = { absolute: 1, unsigned32: 10 };
/** More than this, decompressed, is taken for damage. */
const maxBytes = 1024 * 1024 * 1024;

/**
 * The sections of a name, of which there may be several: a type unit has one of its own.
 * @throws SutureError `unsupported` where they are compressed in an unknown way
 */
export function debugSections(path: string, file: ElfFile, name: string): DebugSection[] {
  const tables = Map.groupBy(
    file.sections.filter(({ type }) => type === sectionType.relocations),
    ({ info }) => info,
  );
  const symbols = new Map<number, { section: number; address: number }>();
  const symbolAt = (index: number) => {
    const known = symbols.get(index) ?? file.symbols.at(index);
    symbols.set(index, known);
    return known;
  };
  return [...file.sections.entries()]
    .filter(([, section]) => !section.allocated && section.size > 0 && file.nameOf(section) === name)
    .map(([index, section]) => {
      const bytes = contents(path, file, section);
      const places = new Map<number, Place>();
      for (const table of tables.get(index) ?? []) {
        for (const { address, type, symbol, addend } of file.relocationsIn(table)) {
          if (type !== relocation.absolute && type !== relocation.unsigned32) continue;
          const to = symbolAt(symbol);
          const place = { section: to.section, at: to.address + Number(addend) };
          places.set(address, place);
          if (type === relocation.unsigned32 && place.at >= 0) bytes.writeUInt32LE(place.at, address);
        }
      }
      return { index, bytes, relocated: (offset) => places.get(offset) };
    });
}

/** The first section of a name; an empty one where there is none. Throws `unsupported` as `debugSections`. */
export function debugSection(path: string, file: ElfFile, name: string): DebugSection {
  return debugSections(path, file, name)[0] ?? { index: 0, bytes: Buffer.alloc(0), relocated: () => undefined };
}

function contents(path: string, file: ElfFile, section: Section): Buffer {
  const bytes = file.contentsOf(section);
  if ((section.flags & compressed) === 0) return Buffer.from(bytes);
  const kind = bytes.readUInt32LE(0);
  try {
    // Elf64_Chdr: kind, reserved, size, alignment
    if (kind === compression.zlib) return inflateSync(bytes.subarray(24), { maxOutputLength: maxBytes });
    if (kind === compression.zstd) return zstdDecompressSync(bytes.subarray(24), { maxOutputLength: maxBytes });
  } catch (cause) {
    throw new SutureError("unsupported", `${path}: its debugging information is damaged`, { cause });
  }
  throw new SutureError(
    "unsupported",
    `${path}: its debugging information is compressed in an unknown way; add -gz=none`,
  );
}
