import type { ElfFile } from "../../../protocol/elf/elf-file.ts";
import { isSutureError } from "../../../protocol/errors.ts";
import { type DebugInfo, type Entry, readDebugInfo, tag } from "./dwarf.ts";
import { nameOf } from "./names.ts";

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
  try {
    return inliningsIn(readDebugInfo(path, file));
  } catch (error) {
    // split, or in a form that is not read here
    if (isSutureError(error, "unsupported")) return [];
    throw error;
  }
}

function inliningsIn(debug: DebugInfo): Inlining[] {
  return [...debug.entries]
    .filter((entry) => entry.tag === tag.function)
    .flatMap((entry) => {
      const into = nameOf(entry, debug);
      return into === null ? [] : namesWithin(entry, debug).map((name) => ({ name, into }));
    });
}

function namesWithin(entry: Entry, debug: DebugInfo): string[] {
  const open = [...entry.children];
  const names = new Set<string>();
  for (let child = open.pop(); child; child = open.pop()) {
    const name = child.tag === tag.inlined ? nameOf(child, debug) : null;
    if (name !== null) names.add(name);
    open.push(...child.children);
  }
  return [...names];
}
