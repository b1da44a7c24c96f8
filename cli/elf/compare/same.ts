import type { Piece, Reference } from "../object/object-file.ts";
import { isAddress } from "../object/relocations.ts";
import type { Correlation } from "./correlate.ts";

/** What is compared of two bytes or texts that differ: line numbers and dates may be left out of account. */
export type Leniency = {
  /** Whether the bytes of two pieces, which differ, differ in nothing that counts. */
  bytes: (before: Piece, after: Piece) => boolean;
  text: (before: Buffer, after: Buffer) => boolean;
};

/** The first difference between two pieces: where it is, and in what. */
export type Difference = { at: number; what: string };

const strict: Leniency = { bytes: () => false, text: () => false };

/**
 * Compares pieces of two builds: two are the same exactly if they do the same with the same things. What has a name or a state must be
 * the same one in both; a constant that nobody else knows need only be equal.
 */
export class Comparison {
  readonly #correlation: Correlation;
  readonly #leniency: Leniency;
  readonly #known = new Map<Piece, Map<Piece, Difference | null>>();

  constructor(correlation: Correlation, leniency: Leniency = strict) {
    this.#correlation = correlation;
    this.#leniency = leniency;
  }

  same(before: Piece, after: Piece): boolean {
    return this.difference(before, after) === null;
  }

  /** Null where the two are the same. */
  difference(before: Piece, after: Piece): Difference | null {
    const known = this.#known.get(before) ?? new Map<Piece, Difference | null>();
    this.#known.set(before, known);
    const found = known.get(after);
    if (found !== undefined) return found;
    // constants that refer to each other are the same unless something else differs
    known.set(after, null);
    const difference = this.#compare(before, after);
    known.set(after, difference);
    return difference;
  }

  #compare(before: Piece, after: Piece): Difference | null {
    if (before.kind !== after.kind || before.space !== after.space || before.size !== after.size)
      return { at: firstOf(before.bytes, after.bytes), what: "its size differs" };
    if (before.align !== after.align) return { at: 0, what: "its alignment differs" };
    const bytes = firstOf(before.bytes, after.bytes);
    const isEqual = before.bytes.equals(after.bytes);
    if (before.references.length !== after.references.length)
      return { at: bytes, what: "it refers to other things than before" };
    const owner = before.kind === "code" ? "code" : "content";
    if (!isEqual && !this.#leniency.bytes(before, after)) return { at: bytes, what: `its ${owner} differs` };
    for (const [index, reference] of after.references.entries()) {
      const was = before.references[index];
      const what = was ? this.#reference(was, reference) : "it refers to other things than before";
      if (what !== null) return { at: reference.at, what };
    }
    return null;
  }

  #reference(was: Reference, is: Reference): string | null {
    if (was.at !== is.at || was.type !== is.type) return `it refers to ${targetName(is)} otherwise than before`;
    const [old, now] = [was.to, is.to];
    if ("name" in old || "name" in now) {
      const isSame = "name" in old && "name" in now && old.name === now.name && was.addend === is.addend;
      return isSame ? null : `it refers to ${targetName(is)} in the place of ${targetName(was)}`;
    }
    const other = `it refers to ${targetName(is)} in the place of ${targetName(was)}`;
    if (now.piece.mergeable > 0 && old.piece.mergeable > 0) {
      const [before, after] = [textOf(was), textOf(is)];
      if (before && after && (now.inside || was.addend === is.addend) && old.inside === now.inside) {
        const isSame = before.equals(after) || this.#leniency.text(before, after);
        return isSame ? null : `it refers to ${printable(after)} in the place of ${printable(before)}`;
      }
    }
    if (was.addend !== is.addend || old.offset !== now.offset) return other;
    const isOwn = now.piece.named || now.piece.hasSymbol;
    const earlier = this.#correlation.earlier(now.piece);
    if (isOwn && (earlier !== undefined || now.piece.named) && earlier !== old.piece) return other;
    if (now.piece.named) return null;
    const inner = this.difference(old.piece, now.piece);
    return inner === null ? null : `${targetName(is)}: ${inner.what}`;
  }
}

/** The string or number that a reference into mergeable constants means; null where its place cannot be told. */
export function textOf({ to, type, addend }: Reference): Buffer | null {
  if ("name" in to || to.piece.mergeable === 0) return null;
  // a distance counts from where the instruction ends, which the reference does not say
  if (to.inside && !isAddress(type)) return null;
  return constantAt(to.piece, isAddress(type) && to.inside ? to.offset + addend : to.offset);
}

/** One string or number of those that the linker may merge; which others lie beside it makes no difference. */
function constantAt({ bytes, strings, mergeable }: Piece, offset: number): Buffer {
  if (!strings) return bytes.subarray(offset, offset + mergeable);
  let end = offset;
  while (end + mergeable <= bytes.length && !bytes.subarray(end, end + mergeable).equals(Buffer.alloc(mergeable))) {
    end += mergeable;
  }
  return bytes.subarray(offset, end + mergeable);
}

function targetName(reference: Reference): string {
  const { to } = reference;
  if ("name" in to) return to.name;
  const text = textOf(reference);
  return text ? printable(text) : to.piece.hasSymbol ? to.piece.name : "a constant";
}

function printable(text: Buffer): string {
  const end = text.indexOf(0);
  const string = text.toString("latin1", 0, end < 0 ? text.length : end);
  return /^[\x20-\x7e]{1,40}$/.test(string) ? JSON.stringify(string) : "a constant";
}

function firstOf(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at++) if (one[at] !== other[at]) return at;
  return length;
}
