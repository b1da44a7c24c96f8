import type { ElfFile } from "../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../protocol/errors.ts";
import { attribute, type Entry, readEntries } from "./dwarf.ts";

/** Tags of DWARF 5, 7.5.3. */
const tag = { function: 0x2e, inlined: 0x1d };
/** All entries are held at once, and take some fifty times as much. */
const maxInfoBytes = 8 * 1024 * 1024;

/** A function with a copy of its code inside of another. */
export type Inlining = { name: string; into: string };

/**
 * Which functions a linked program has inside of which others, as far as its debugging information tells: where it has none, or
 * more than can be looked through here, none are known.
 */
export function inliningsOf(path: string, file: ElfFile): Inlining[] {
  const info = file.sections.find((section) => file.nameOf(section) === ".debug_info");
  if (!info || info.size > maxInfoBytes) return [];
  let entries: ReadonlyMap<number, Entry>;
  try {
    entries = readEntries(path, file);
  } catch (error) {
    // compressed, split, or in a form that is not read here
    if (isSutureError(error, "unsupported")) return [];
    throw error;
  }
  return [...entries.values()]
    .filter((entry) => entry.tag === tag.function)
    .flatMap((entry) => {
      const into = nameOf(entry, entries);
      return into === null ? [] : namesWithin(entry, entries).map((name) => ({ name, into }));
    });
}

function namesWithin(entry: Entry, entries: ReadonlyMap<number, Entry>): string[] {
  const open = [...entry.children];
  const names = new Set<string>();
  for (let child = open.pop(); child; child = open.pop()) {
    const name = child.tag === tag.inlined ? nameOf(child, entries) : null;
    if (name !== null) names.add(name);
    open.push(...child.children);
  }
  return [...names];
}

/** A function's name, its own or that of the entry that it was made from. */
function nameOf(entry: Entry, entries: ReadonlyMap<number, Entry>): string | null {
  const origin = entry.values.get(attribute.origin);
  const from = typeof origin === "number" ? (entries.get(origin) ?? entry) : entry;
  const name = from.values.get(attribute.name) ?? entry.values.get(attribute.name);
  return typeof name === "string" ? name : null;
}
