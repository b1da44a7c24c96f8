import { symbolType } from "../../protocol/elf/elf-file.ts";
import { SutureError } from "../../protocol/errors.ts";
import { type Change, isColdPart } from "./compare.ts";
import type { Piece, Reference } from "./object-file.ts";
import { isShort, isThreadLocal, relocation } from "./relocations.ts";
import type { Outside } from "./shared-object.ts";
import type { Target } from "./target.ts";

/**
 * What a reference of the payload leads to: a piece of its own, an address of the target's file, or a name that is looked up in the process
 * as the dynamic linker does it. The last is for what a library has, and for what the target exports and another module may replace.
 */
export type Destination =
  | { in: "payload"; piece: Piece; offset: number }
  | { in: "target"; name: string; address: number; offset: number }
  | { in: "library"; symbol: Outside; offset: number };

/** A piece that goes into the payload, with where each of its references leads. */
export type Part = { piece: Piece; references: readonly { reference: Reference; to: Destination }[] };

/**
 * All that a payload is made of: the fixed functions and what only they have. Whatever the process has already, functions and
 * variables, is used there, so that there is one of each and pointers to it stay equal.
 * @throws SutureError `unsupported` for a reference that cannot be bound
 */
export function collectParts(changes: readonly Change[], target: Target): Part[] {
  const owner = new Map(changes.flatMap((change) => change.after.pieces.map((piece) => [piece, change] as const)));
  const isNew = (piece: Piece) => piece.named && !isColdPart(piece) && owner.get(piece)?.earlier(piece) === undefined;
  const news = new Map([...owner.keys()].filter(isNew).map((piece) => [piece.name, piece]));
  const fixed = new Set(changes.flatMap((change) => [...change.functions.values()]));

  const known = new Set(
    changes.flatMap(({ before }) =>
      before.pieces.flatMap((piece) => piece.references.flatMap(({ to }) => exportedName(to) ?? [])),
    ),
  );

  const inTarget = (name: string, scope: string | null, offset: number, exported: boolean): Destination | null => {
    const symbol = target.find(name, scope);
    if (!symbol) return null;
    // which variant an indirect function is, each process decides for itself
    if (symbol.type === symbolType.indirectFunction) return { in: "library", symbol: { name }, offset };
    // what the code before reached without a table was bound for good when the target was linked (-Bsymbolic-functions)
    const replaceable = exported ? target.replaceable(name, symbol.address) : null;
    if (replaceable && (replaceable.inTable || !known.has(name))) {
      const { version } = replaceable;
      return { in: "library", symbol: { name, ...(version && { version }) }, offset };
    }
    return { in: "target", name, address: symbol.address, offset };
  };

  const outside = (name: string, weak: boolean): Outside => {
    const { version, absent } = target.wanted(name);
    return { name, ...(version && { version }), ...(weak && { weak, ...(absent && known.has(name) && { absent }) }) };
  };

  const lead = (from: Piece, { to, type, addend }: Reference): Destination => {
    if (isThreadLocal(type) || ("piece" in to && to.piece.kind === "thread-local")) {
      throw new SutureError("unsupported", `${from.name} uses a thread-local variable, which a patch cannot`);
    }
    if ("name" in to) {
      const added = news.get(to.name);
      if (added) return { in: "payload", piece: added, offset: 0 };
      return inTarget(to.name, null, 0, true) ?? { in: "library", symbol: outside(to.name, to.weak), offset: 0 };
    }
    const { piece, offset } = to;
    const earlier = owner.get(piece)?.earlier(piece);
    const isPartOfFix = fixed.has(piece) && !isEntry(type, offset + addend);
    if (!piece.named || isColdPart(piece) || !earlier || isPartOfFix) return { in: "payload", piece, offset };
    const found = inTarget(earlier.name, earlier.scope, offset, to.exported);
    if (found) return found;
    throw new SutureError("unsupported", `${from.name} uses ${earlier.name}, which the target's symbols do not have`);
  };

  const parts: Part[] = [];
  const taken = new Set<Piece>(fixed);
  for (const piece of taken) {
    const references = piece.references.map((reference) => ({ reference, to: lead(piece, reference) }));
    for (const { to } of references) if (to.in === "payload") taken.add(to.piece);
    parts.push({ piece, references });
  }
  return parts;
}

/** The name by which a reference asks for what another module may define. */
function exportedName(to: Reference["to"]): string | null {
  if ("name" in to) return to.name;
  return to.exported ? to.piece.name : null;
}

/** Whether a reference to a function means its entry, rather than a place inside such as a label. */
function isEntry(type: number, offset: number): boolean {
  return offset === (type === relocation.absolute || isShort(type) ? 0 : -4);
}
