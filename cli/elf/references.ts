import { symbolType } from "../../protocol/elf/elf-file.ts";
import { SutureError } from "../../protocol/errors.ts";
import { type Change, isColdPart } from "./compare.ts";
import type { Piece, Reference } from "./object-file.ts";
import { isShort, isThreadLocal, relocation } from "./relocations.ts";
import type { Target } from "./target.ts";

/** What a reference of the payload leads to: a piece of its own, an address of the target's file, or a name to be looked up. */
export type Destination =
  | { in: "payload"; piece: Piece; offset: number }
  | { in: "target"; name: string; address: number; offset: number }
  | { in: "library"; name: string; offset: number };

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

  const inTarget = (name: string, scope: string | null, offset: number): Destination | null => {
    const symbol = target.find(name, scope);
    if (!symbol) return null;
    // which variant an indirect function is, each process decides for itself
    if (symbol.type === symbolType.indirectFunction) return { in: "library", name, offset };
    return { in: "target", name, address: symbol.address, offset };
  };

  const lead = (from: Piece, { to, type, addend }: Reference): Destination => {
    if (isThreadLocal(type) || ("piece" in to && to.piece.kind === "thread-local")) {
      throw new SutureError("unsupported", `${from.name} uses a thread-local variable, which a patch cannot`);
    }
    if ("name" in to) {
      const added = news.get(to.name);
      if (added) return { in: "payload", piece: added, offset: 0 };
      return inTarget(to.name, null, 0) ?? { in: "library", name: to.name, offset: 0 };
    }
    const { piece, offset } = to;
    const earlier = owner.get(piece)?.earlier(piece);
    const isPartOfFix = fixed.has(piece) && !isEntry(type, offset + addend);
    if (!piece.named || isColdPart(piece) || !earlier || isPartOfFix) return { in: "payload", piece, offset };
    const found = inTarget(earlier.name, earlier.scope, offset);
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

/** Whether a reference to a function means its entry, rather than a place inside such as a label. */
function isEntry(type: number, offset: number): boolean {
  return offset === (type === relocation.absolute || isShort(type) ? 0 : -4);
}
