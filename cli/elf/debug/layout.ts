import { SutureError } from "../../../protocol/errors.ts";
import { attribute, type DebugInfo, type Entry, numberOf, tag, textOf } from "./dwarf.ts";
import type { Place } from "./forms.ts";
import { nameOf, scopeOf } from "./names.ts";
import { holders, type Member, qualifiedName, TypeText } from "./type-text.ts";

/** A type or a variable, and how it lies in memory: what a running process has of it stays as it is. */
export type Layout = { name: string; size: number | null; members: readonly Member[]; entry: Entry };

/** All layouts of an object file by name; a name can stand for several types, as in two blocks of a function. */
export type Layouts = ReadonlyMap<string, readonly Layout[]>;

/**
 * How the types and variables of an object file lie in memory: named structs, unions and classes, whatever a typedef or a variable consists
 * of, and the numbers of enumerators.
 *
 * @param isCopied whether a place holds a constant, which a payload has a copy of where it changes
 * @throws SutureError `unsupported` where the debugging information has no types
 */
export function layoutsOf(path: string, debug: DebugInfo, isCopied: (place: Place) => boolean): Layouts {
  expectTypes(path, debug);
  const text = new TypeText(debug);
  const layouts = new Map<string, Layout[]>();
  for (const entry of debug.entries) {
    const location = entry.values.get(attribute.location);
    const layout = typeof location === "object" && isCopied(location) ? null : layoutOf(entry, text, debug);
    if (!layout) continue;
    const known = layouts.get(layout.name) ?? [];
    // a header's type is described once in each unit, and alike
    if (known.some((other) => sameLayout(other, layout))) continue;
    layouts.set(layout.name, [...known, layout]);
  }
  return layouts;
}

export function sameLayout(one: Layout, other: Layout): boolean {
  return one.size === other.size && JSON.stringify(one.members) === JSON.stringify(other.members);
}

function layoutOf(entry: Entry, text: TypeText, debug: DebugInfo): Layout | null {
  const { values } = entry;
  const size = numberOf(entry, attribute.byteSize);
  if (values.has(attribute.declaration)) return null;
  if (holders.includes(entry.tag)) {
    const name = qualifiedName(entry, debug);
    const kind = entry.tag === tag.union ? "union" : "struct";
    return name === null ? null : { name: `${kind} ${name}`, size, members: text.members(entry), entry };
  }
  if (entry.tag === tag.enumeration) {
    const name = qualifiedName(entry, debug);
    return name === null ? null : { name: `enum ${name}`, size, members: enumeratorsOf(entry), entry };
  }
  if (entry.tag === tag.typedef) {
    const of = debug.referred(entry, attribute.type);
    const name = qualifiedName(entry, debug);
    if (!of || name === null) return null;
    // a typedef is the name of what it names, where that has no other
    if (!holders.includes(of.tag) || nameOf(of, debug) !== null) {
      return { name: `typedef ${name}`, size: null, members: [{ name: "", at: "0", type: text.of(entry) }], entry };
    }
    const kind = of.tag === tag.union ? "union" : "struct";
    const bytes = numberOf(of, attribute.byteSize);
    return { name: `${kind} ${name}`, size: bytes, members: text.members(of), entry };
  }
  if (entry.tag !== tag.variable || !isShared(entry, debug)) return null;
  const name = nameOf(entry, debug);
  const scope = [...scopeOf(entry, debug), name].join("::");
  return name === null
    ? null
    : { name: `variable ${scope}`, size: null, members: [{ name: "", at: "0", type: text.of(entry) }], entry };
}

/** Whether a variable outlives a call, or points to what may: a struct without a name of its own is known by its variables alone. */
function isShared(entry: Entry, debug: DebugInfo): boolean {
  const location = entry.values.get(attribute.location);
  if (typeof location === "object" || entry.values.has(attribute.external)) return true;
  let type = debug.referred(entry, attribute.type);
  let isBehindPointer = false;
  for (let steps = 0; type && steps < 16; steps++) {
    if (holders.includes(type.tag)) return isBehindPointer && nameOf(type, debug) === null;
    isBehindPointer ||= type.tag === tag.pointer;
    type = debug.referred(type, attribute.type);
  }
  return false;
}

function enumeratorsOf(entry: Entry): Member[] {
  return entry.children
    .filter((child) => child.tag === tag.enumerator)
    .map((child) => ({
      name: textOf(child, attribute.name),
      at: String(numberOf(child, attribute.constantValue)),
      type: "enumerator",
    }));
}

const described = [...holders, tag.base, tag.pointer, tag.typedef, tag.enumeration] as readonly number[];

/** Line tables and types are apart: with -g1 there are functions, and nothing says what their data look like. */
function expectTypes(path: string, debug: DebugInfo): void {
  const hasTypes = [...debug.entries].some((entry) => described.includes(entry.tag));
  const isFull = (unit: Entry) => {
    const words = textOf(unit, attribute.producer).split(" ");
    return words[0] === "GNU" && !words.includes("-g1");
  };
  if (hasTypes || debug.units.every((unit) => unit.tag !== tag.unit || isAssembler(unit) || isFull(unit))) return;
  const reason =
    "its debugging information has no types, by which data layouts are compared; compile it with -g (not -g1)";
  throw new SutureError("unsupported", `${path}: ${reason}`);
}

const assembler = 0x8001;

function isAssembler(unit: Entry): boolean {
  return unit.values.get(attribute.language) === assembler;
}

/** C in its versions, and assembler (DWARF 5, 7.12, and DW_LANG_Mips_Assembler). */
const withoutExceptions = new Set([0x01, 0x02, 0x0c, 0x1d, 0x2c, assembler]);

/**
 * Whether an exception may pass through functions of an object file: it was compiled from C++ or the like and not with
 * -fno-exceptions, or from C with -fexceptions.
 */
export function mayUnwind(debug: DebugInfo): boolean {
  return debug.units.some((unit) => {
    if (unit.tag !== tag.unit) return false;
    const words = textOf(unit, attribute.producer).split(" ");
    const isC = withoutExceptions.has(numberOf(unit, attribute.language));
    return isC ? words.includes("-fexceptions") : !words.includes("-fno-exceptions");
  });
}
