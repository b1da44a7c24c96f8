import { attribute, type DebugInfo, type Entry, tag } from "./dwarf.ts";

/** A place in the source, as messages name it. */
export type SourcePlace = { file: string; line: number };

/** An entry's own name, or that of the entry which it completes or is a copy of; null where it has none. */
export function nameOf(entry: Entry, debug: DebugInfo): string | null {
  const name = entry.values.get(attribute.name);
  if (typeof name === "string") return name;
  const origin = originOf(entry, debug);
  return origin === entry ? null : nameOf(origin, debug);
}

/** The entry that this one is a copy or the completion of; itself where it is none. */
export function originOf(entry: Entry, debug: DebugInfo): Entry {
  let current = entry;
  for (let steps = 0; steps < 8; steps++) {
    const next = debug.referred(current, attribute.origin) ?? debug.referred(current, attribute.specification);
    if (!next || next === current) break;
    current = next;
  }
  return current;
}

const scopes: readonly number[] = [tag.function, tag.namespace, tag.structure, tag.class, tag.union, tag.inlined];

/**
 * The scopes that an entry is declared in, from the outermost: namespaces, classes and functions, the latter by their linker's name where
 * they have one. Blocks have no names and are left out.
 */
export function scopeOf(entry: Entry, debug: DebugInfo): string[] {
  const path: string[] = [];
  for (let at = originOf(entry, debug).parent; at !== null; at = originOf(at, debug).parent) {
    if (!scopes.includes(at.tag)) continue;
    const origin = originOf(at, debug);
    const linkage = at.values.get(attribute.linkageName) ?? origin.values.get(attribute.linkageName);
    path.unshift(typeof linkage === "string" ? linkage : (nameOf(at, debug) ?? "(anonymous)"));
  }
  return path;
}
