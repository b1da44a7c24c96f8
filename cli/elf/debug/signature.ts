import { attribute, type DebugInfo, tag } from "./dwarf.ts";
import { nameOf, originOf } from "./names.ts";
import { TypeText } from "./type-text.ts";

/** What a function takes and gives back, as one text that is the same for the same; null where nothing tells. */
export function signatureOf(name: string, debug: DebugInfo): string | null {
  for (const entry of debug.entries) {
    if (entry.tag !== tag.function || !entry.values.has(attribute.lowPc)) continue;
    const origin = originOf(entry, debug);
    const linkage = entry.values.get(attribute.linkageName) ?? origin.values.get(attribute.linkageName);
    if ((linkage ?? nameOf(entry, debug)) !== name) continue;
    const text = new TypeText(debug);
    // an inlined function's copy has its parameters from the function that it is a copy of
    const { children } = origin.children.some((child) => child.tag === tag.parameter) ? origin : entry;
    const parameters = children
      .filter((child) => child.tag === tag.parameter || child.tag === tag.variadic)
      .map((child) => (child.tag === tag.variadic ? "..." : text.of(originOf(child, debug))));
    return `${text.of(origin)} (${parameters.join(", ")})`;
  }
  return null;
}
