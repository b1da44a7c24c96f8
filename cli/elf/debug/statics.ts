import { attribute, type DebugInfo, type Entry, tag } from "./dwarf.ts";
import type { Place } from "./forms.ts";
import { nameOf, scopeOf } from "./names.ts";

/** A variable in memory, by what the source calls it. */
export type SourceVariable = {
  place: Place;
  name: string;
  /** namespaces, classes and functions that it is declared in */
  scope: readonly string[];
  /** which of those that have both in common, in the order of the source */
  ordinal: number;
  entry: Entry;
};

/**
 * The variables of an object file that lie in memory, static ones of functions among them: what the compiler calls those (`count.1`) says
 * nothing of which is which, and a static variable of an inlined function belongs to that function wherever its code lies.
 */
export function variablesOf(debug: DebugInfo): SourceVariable[] {
  const seen = new Set<string>();
  const ordinals = new Map<string, number>();
  const variables: SourceVariable[] = [];
  for (const entry of debug.entries) {
    const place = entry.tag === tag.variable ? entry.values.get(attribute.location) : undefined;
    if (typeof place !== "object" || place.section === 0) continue;
    // described once more where a copy of its function was inlined
    const key = `${place.section} ${place.at}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const name = nameOf(entry, debug) ?? "";
    const scope = scopeOf(entry, debug);
    const full = JSON.stringify([...scope, name]);
    const ordinal = ordinals.get(full) ?? 0;
    ordinals.set(full, ordinal + 1);
    variables.push({ place, name, scope, ordinal, entry });
  }
  return variables;
}
