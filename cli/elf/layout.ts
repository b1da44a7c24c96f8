import type { ElfFile } from "../../protocol/elf/elf-file.ts";
import { attribute, type Entry, readEntries } from "./dwarf.ts";

/** Tags of DWARF 5, 7.5.3. */
const tag = {
  array: 0x01,
  class: 0x02,
  enumeration: 0x04,
  member: 0x0d,
  pointer: 0x0f,
  structure: 0x13,
  typedef: 0x16,
  unit: 0x11,
};
const [union, inheritance, subrange, constant, volatile, reference, restrict] = [
  0x17, 0x1c, 0x21, 0x26, 0x35, 0x10, 0x37,
];
const holders = [tag.structure, tag.class, union];
const transparent = [tag.typedef, constant, volatile, restrict];
const maxDepth = 64;

/**
 * How each named struct, union and class of an object file lies in memory: sizes, offsets and types of its members, as one text
 * that is the same for the same layout. The running process has data of these layouts, and a patch cannot change that.
 * Throws `unsupported` where there is no debugging information.
 */
export function layoutsOf(path: string, file: ElfFile): ReadonlyMap<string, string> {
  const entries = readEntries(path, file);
  const layouts = new Map<string, string>();
  for (const entry of entries.values()) {
    const name = entry.values.get(attribute.name);
    // a typedef is the name of what it names, where that has no other
    const named = entry.tag === tag.typedef ? entries.get(Number(entry.values.get(attribute.type) ?? -1)) : entry;
    if (typeof name !== "string" || !named || !holders.includes(named.tag)) continue;
    if (named.values.has(attribute.declaration) || (named !== entry && named.values.has(attribute.name))) continue;
    layouts.set(`${named.tag === union ? "union" : "struct"} ${name}`, membersOf(named, entries, 0));
  }
  return layouts;
}

/** C in its versions, and assembler (DWARF 5, 7.12, and DW_LANG_Mips_Assembler). */
const withoutExceptions = new Set([0x01, 0x02, 0x0c, 0x1d, 0x2c, 0x8001]);

/**
 * Whether an exception may pass through functions of an object file: it was compiled from C++ or the like and not with
 * -fno-exceptions, or from C with -fexceptions. Throws `unsupported` where there is no debugging information.
 */
export function mayUnwind(path: string, file: ElfFile): boolean {
  for (const { tag: kind, values } of readEntries(path, file).values()) {
    if (kind !== tag.unit) continue;
    const words = String(values.get(attribute.producer) ?? "").split(" ");
    const isC = withoutExceptions.has(Number(values.get(attribute.language)));
    if (isC ? words.includes("-fexceptions") : !words.includes("-fno-exceptions")) return true;
  }
  return false;
}

function membersOf(entry: Entry, entries: ReadonlyMap<number, Entry>, depth: number): string {
  const members = entry.children
    .filter((child) => child.tag === tag.member || child.tag === inheritance)
    .map(({ values }) => {
      const bits = values.has(attribute.bitSize)
        ? `:${values.get(attribute.bitSize)}@${values.get(attribute.bitOffset)}`
        : "";
      const name = values.get(attribute.name) ?? "";
      return `${name}@${values.get(attribute.offset) ?? 0}${bits} ${typeOf(values, entries, depth + 1)}`;
    });
  return `${entry.values.get(attribute.byteSize)} {${members.join("; ")}}`;
}

function typeOf(values: Entry["values"], entries: ReadonlyMap<number, Entry>, depth: number): string {
  const entry = entries.get(Number(values.get(attribute.type) ?? -1));
  if (!entry || depth > maxDepth) return "void";
  if (transparent.includes(entry.tag)) return typeOf(entry.values, entries, depth + 1);
  if (entry.tag === tag.pointer || entry.tag === reference) return "pointer";
  if (entry.tag === tag.array) {
    const sizes = entry.children
      .filter((child) => child.tag === subrange)
      .map((child) => child.values.get(attribute.upperBound) ?? child.values.get(attribute.count) ?? "");
    return `${typeOf(entry.values, entries, depth + 1)}[${sizes.join("][")}]`;
  }
  const name = entry.values.get(attribute.name);
  if (entry.tag === tag.enumeration) return `enum ${entry.values.get(attribute.byteSize)}`;
  if (holders.includes(entry.tag) && name === undefined) return membersOf(entry, entries, depth + 1);
  return `${name ?? "function"} ${entry.values.get(attribute.byteSize) ?? ""}`;
}
