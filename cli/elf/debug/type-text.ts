import { attribute, type DebugInfo, type Entry, numberOf, tag } from "./dwarf.ts";
import { nameOf, scopeOf } from "./names.ts";

/** A member of a struct, union or class, as it lies in memory. */
export type Member = { name: string; at: string; type: string };

export const holders: readonly number[] = [tag.structure, tag.class, tag.union];
const transparent: readonly number[] = [tag.typedef, tag.constant, tag.volatile, tag.restrict, tag.atomic];
const pointers: readonly number[] = [tag.pointer, tag.reference, tag.rvalueReference, tag.memberPointer];
/** DW_ATE_*: boolean, floats; signed, unsigned and characters are all integers here (DWARF 5, 7.8) */
const encodings = new Map([
  [0x02, "boolean"],
  [0x03, "complex"],
  [0x04, "float"],
]);
const maxDepth = 64;

/** The name of a type with its scopes, as `session` or `users::session`; null where it has none. */
export function qualifiedName(entry: Entry, debug: DebugInfo): string | null {
  const name = nameOf(entry, debug);
  return name === null ? null : [...scopeOf(entry, debug), name].join("::");
}

/**
 * How a value of a type lies in memory, as one text that is the same for the same layout: structs that have a name are given by it, for
 * their own layouts are compared by themselves; those without one are spelled out, also behind pointers.
 */
export class TypeText {
  readonly #debug: DebugInfo;
  readonly #open: Entry[] = [];

  constructor(debug: DebugInfo) {
    this.#debug = debug;
  }

  /** Of the type that an entry (a variable, a member, a typedef) has. */
  of(entry: Entry): string {
    const type = this.#debug.referred(entry, attribute.type);
    return type ? this.#text(type) : "void";
  }

  members(holder: Entry): Member[] {
    this.#open.push(holder);
    try {
      return holder.children
        .filter((child) => child.tag === tag.member || child.tag === tag.inheritance)
        .filter(({ values }) => !values.has(attribute.external) && !values.has(attribute.declaration))
        .map((child) => ({ name: this.#memberName(child), at: positionOf(child), type: this.of(child) }));
    } finally {
      this.#open.pop();
    }
  }

  #memberName(child: Entry): string {
    const name = child.values.get(attribute.name);
    return typeof name === "string" ? name : child.tag === tag.inheritance ? "(base)" : "(anonymous)";
  }

  #text(entry: Entry): string {
    if (this.#open.length > maxDepth) return "...";
    if (transparent.includes(entry.tag)) return this.of(entry);
    if (pointers.includes(entry.tag)) return `${this.of(entry)} *`;
    if (entry.tag === tag.array) return `${this.of(entry)}[${dimensions(entry).join("][")}]`;
    const size = numberOf(entry, attribute.byteSize);
    if (entry.tag === tag.enumeration) return `enum of ${size} bytes`;
    if (entry.tag === tag.base) {
      const encoding = encodings.get(numberOf(entry, attribute.encoding)) ?? "integer";
      return `${encoding} of ${size} bytes`;
    }
    if (holders.includes(entry.tag)) return this.#holder(entry, size);
    return "function";
  }

  #holder(entry: Entry, size: number): string {
    const kind = entry.tag === tag.union ? "union" : "struct";
    const name = qualifiedName(entry, this.#debug);
    if (name !== null) return `${kind} ${name}`;
    const depth = this.#open.indexOf(entry);
    if (depth >= 0) return `${kind} of ${this.#open.length - depth} levels up`;
    const members = this.members(entry).map(({ name: member, at, type }) => `${type} ${member} at ${at}`);
    return `${kind} of ${size} bytes {${members.join("; ")}}`;
  }
}

/** Where a member lies: its byte, or its bits. */
function positionOf(member: Entry): string {
  const offset = numberOf(member, attribute.offset);
  const bits = numberOf(member, attribute.bitSize);
  if (bits === 0) return String(offset);
  // DW_AT_bit_offset, before DWARF 4, counts from the other end: kept apart, since both builds are of one compiler
  const old = numberOf(member, attribute.oldBitOffset, -1);
  if (old >= 0) return `${offset} bit ${old}, ${bits} bits`;
  return `bit ${numberOf(member, attribute.bitOffset, 8 * offset)}, ${bits} bits`;
}

function dimensions(array: Entry): string[] {
  return array.children
    .filter((child) => child.tag === tag.subrange)
    .map(({ values }) => {
      const [bound, count] = [values.get(attribute.upperBound), values.get(attribute.count)];
      if (typeof count === "number") return String(count);
      return typeof bound === "number" ? String(bound + 1) : "";
    });
}
