import { type ElfSymbol, symbolType } from "../../../protocol/elf/elf-file.ts";
import { SutureError } from "../../../protocol/errors.ts";
import { type Change, isColdPart } from "../compare/compare.ts";
import { textOf } from "../compare/same.ts";
import type { BuiltObject } from "../object/built-object.ts";
import type { Piece, Reference } from "../object/object-file.ts";
import { isAddress, isThreadLocal } from "../object/relocations.ts";
import type { LinkedPlaces } from "../target/linked-places.ts";
import { countSourceFiles } from "../target/source-files.ts";
import { type Target, withoutVersion } from "../target/target.ts";
import type { Outside } from "./shared-object.ts";

/**
 * What a reference of the payload leads to: a piece of its own, an address of the target's file, or a name that is looked up in the process
 * as the dynamic linker does it. The last is for what a library has, and for what the target exports and another module may replace.
 */
export type Destination =
  | { in: "payload"; piece: Piece; offset: number }
  | { in: "target"; name: string; address: number; offset: number }
  | { in: "library"; symbol: Outside; offset: number };

/** A piece that goes into the payload, with where each of its references leads. `because`: the first that refers to it. */
export type Part = {
  piece: Piece;
  because: Piece | null;
  references: readonly { reference: Reference; to: Destination }[];
};

/** A change, and where the linker put what its build before refers to. */
export type PlacedChange = Change & { places: LinkedPlaces };

/**
 * All that a payload is made of: the fixed functions and what only they have. Whatever the process has already is used there, functions
 * and variables and also constants, so that there is one of each and pointers to it stay equal.
 * @throws SutureError `unsupported` for a reference that cannot be bound
 */
export function collectParts(changes: readonly PlacedChange[], fixed: ReadonlySet<Piece>, target: Target): Part[] {
  const binder = new Binder(changes, fixed, target);
  const taken = new Map<Piece, Piece | null>([...fixed].map((piece) => [piece, null]));
  const parts: Part[] = [];
  for (const [piece, because] of taken) {
    const references = piece.references.map((reference) => ({ reference, to: binder.lead(piece, reference) }));
    for (const { to } of references) if (to.in === "payload" && !taken.has(to.piece)) taken.set(to.piece, piece);
    parts.push({ piece, because, references });
  }
  return parts;
}

class Binder {
  readonly #owner: ReadonlyMap<Piece, PlacedChange>;
  readonly #news: ReadonlyMap<string, Piece>;
  readonly #fixed: ReadonlySet<Piece>;
  readonly #target: Target;
  /** names by which the code before asks for what another module may define */
  readonly #known: ReadonlySet<string>;

  constructor(changes: readonly PlacedChange[], fixed: ReadonlySet<Piece>, target: Target) {
    this.#owner = new Map(changes.flatMap((change) => change.after.pieces.map((piece) => [piece, change] as const)));
    const isNew = (piece: Piece) =>
      piece.named && !isColdPart(piece) && this.#owner.get(piece)?.earlier(piece) === undefined;
    // where several files have one in common (an inline function of C++), the first is that of all
    this.#news = new Map(
      [...this.#owner.keys()]
        .filter((piece) => piece.scope === null && isNew(piece))
        .reverse()
        .map((piece) => [piece.name, piece]),
    );
    this.#fixed = fixed;
    this.#target = target;
    this.#known = new Set(
      changes.flatMap(({ before }) =>
        before.pieces.flatMap((piece) => piece.references.flatMap(({ to }) => exportedName(to) ?? [])),
      ),
    );
  }

  lead(from: Piece, reference: Reference): Destination {
    const { to, type } = reference;
    const change = this.#owner.get(from);
    const refuse = (reason: string) => {
      const source = change?.after.sourceOf(from, reference.at);
      const place = source ? `${source.file}:${source.line}: ` : "";
      return new SutureError("unsupported", `${place}${from.name} ${reason}`);
    };
    if (isThreadLocal(type) || ("piece" in to && to.piece.kind === "thread-local")) {
      throw refuse("uses a thread-local variable, which a patch cannot");
    }
    if ("name" in to) {
      const added = this.#news.get(to.name);
      if (added) return { in: "payload", piece: added, offset: 0 };
      if (this.#target.isStatic && !to.weak && this.#target.find(withoutVersion(to.name), null).length === 0) {
        throw refuse(
          `uses ${to.name}, which is in none of the files nor in the target, and the target has no libraries`,
        );
      }
      return this.#inTarget(to.name, 0) ?? { in: "library", symbol: this.#outside(to.name, to.weak), offset: 0 };
    }
    if (!change) return { in: "payload", piece: to.piece, offset: to.offset };
    const { piece, offset } = to;
    const doubt = change.doubt(piece);
    if (doubt !== undefined && piece.hasSymbol && (piece.kind === "variable" || piece.kind === "code")) {
      throw refuse(`uses ${change.after.label(piece)}: ${doubt}`);
    }
    if (!piece.named) return this.#constant(from, reference, change) ?? { in: "payload", piece, offset };
    const earlier = change.earlier(piece);
    const isPartOfFix = this.#fixed.has(piece) && !isEntry(reference);
    if (isColdPart(piece) || isPartOfFix) return { in: "payload", piece, offset };
    if (!earlier) {
      const shared = piece.scope === null ? this.#news.get(piece.name) : undefined;
      return { in: "payload", piece: shared ?? piece, offset };
    }
    const found = this.#earlier(earlier, offset, to.exported, change);
    if (found) return found;
    throw refuse(`uses ${change.before.label(earlier)}, which the target's symbols do not have`);
  }

  /** Where the process has a constant that did not change; null for one that is new or that nothing of the target refers to. */
  #constant(
    from: Piece,
    reference: Reference,
    { earlier, isUnchanged, places, functions, before }: PlacedChange,
  ): Destination | null {
    const { to, addend, type } = reference;
    if ("name" in to) return null;
    const { piece, offset } = to;
    const text = textOf(reference);
    if (text) {
      const user = functions.find(({ after }) => after === from)?.before ?? earlier(from);
      const address = places.ofText(text, piece, user);
      const place = isAddress(type) && to.inside ? -addend : 0;
      return address === undefined ? null : { in: "target", name: piece.name, address, offset: place };
    }
    const was = earlier(piece);
    const isTable = (each: Piece) =>
      each.references.some(({ to: of }) => "piece" in of && of.piece.kind === "code" && this.#fixed.has(of.piece));
    if (!was || piece.mergeable > 0 || !isUnchanged(piece) || isTable(piece)) return null;
    const own = was.hasSymbol ? this.#target.find(was.name, was.scope) : [];
    const address = places.ofPiece(was) ?? (own.length === 1 ? own[0]?.address : undefined);
    if (address === undefined && own.length > 1) {
      throw new SutureError("unsupported", `${this.#target.path}: which ${before.label(was)} is meant cannot be told`);
    }
    return address === undefined ? null : { in: "target", name: was.name, address, offset };
  }

  /** What a function or variable of the build before is in the target. */
  #earlier(piece: Piece, offset: number, exported: boolean, { places, before }: PlacedChange): Destination | null {
    const address = places.ofPiece(piece);
    if (address === undefined && piece.scope !== null) this.#bySymbol(piece, before);
    if (exported || address === undefined) {
      const found = this.#inTarget(piece.name, offset, piece, exported);
      if (found) return found;
    }
    return address === undefined ? null : { in: "target", name: piece.name, address, offset };
  }

  /** What the target's symbols call a piece of a file. Throws where they may mean another file's of that name. */
  #bySymbol(piece: Piece, before: BuiltObject): ElfSymbol | undefined {
    const [symbol, other] = this.#target.find(piece.name, piece.scope);
    const isShared = symbol && piece.scope !== null && countSourceFiles(this.#target.file, piece.scope) > 1;
    if (!other && !isShared) return symbol;
    const reason = `which ${before.label(piece)} is meant cannot be told: more than one file has its name`;
    throw new SutureError("unsupported", `${this.#target.path}: ${reason}`);
  }

  #inTarget(fullName: string, offset: number, piece: Piece | null = null, exported = true): Destination | null {
    const name = withoutVersion(fullName);
    const symbol = this.#only(name, this.#target.find(name, piece?.scope ?? null));
    if (!symbol) return null;
    // which variant an indirect function is, each process decides for itself
    if (symbol.type === symbolType.indirectFunction) return { in: "library", symbol: { name }, offset };
    // what the code before reached without a table was bound for good when the target was linked (-Bsymbolic-functions)
    const replaceable = exported ? this.#target.replaceable(name, symbol.address) : null;
    if (replaceable && (replaceable.inTable || !this.#known.has(name))) {
      const { version } = replaceable;
      return { in: "library", symbol: { name, ...(version && { version }) }, offset };
    }
    return { in: "target", name, address: symbol.address, offset };
  }

  #only(name: string, symbols: readonly ElfSymbol[]): ElfSymbol | null {
    const [only, other] = symbols.filter(({ oldVersion }) => !oldVersion);
    if (other) throw new SutureError("unsupported", `${this.#target.path}: it has more than one ${name}`);
    return only ?? null;
  }

  #outside(name: string, weak: boolean): Outside {
    const { version, absent } = this.#target.wanted(name);
    const isAbsent = absent && this.#known.has(name);
    return { name, ...(version && { version }), ...(weak && { weak, ...(isAbsent && { absent: isAbsent }) }) };
  }
}

/** The name by which a reference asks for what another module may define. */
function exportedName(to: Reference["to"]): string | null {
  if ("name" in to) return to.name;
  return to.exported ? to.piece.name : null;
}

/** Whether a reference to a function means its entry, rather than a place inside such as a label. */
function isEntry({ to, type, addend }: Reference): boolean {
  return "piece" in to && to.offset + addend === (isAddress(type) ? 0 : -4);
}
