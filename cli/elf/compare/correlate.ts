import type { BuiltObject } from "../object/built-object.ts";
import type { Piece } from "../object/object-file.ts";

/** Which piece of one build is which of the other. */
export type Correlation = {
  /** What a piece of the build after was before; undefined for a new one. */
  earlier: (piece: Piece) => Piece | undefined;
  /** What a piece of the build before is now; undefined where it is gone. */
  later: (piece: Piece) => Piece | undefined;
  /** Why it cannot be told what a piece was before; undefined where it can. */
  doubt: (piece: Piece) => string | undefined;
};

/**
 * Tells which function, variable or constant of two builds of a source file is which. What others see goes by its name. What they do
 * not goes by the function that owns it: the compiler's numbers (`count.1`) move when something is added before, so the debugging
 * information says which function declares a static variable, and one of an inlined function is that function's, wherever its code
 * lies. Where two answers are possible it is in doubt, and nothing that uses the piece becomes a patch.
 *
 * The rules are those of kpatch's create-diff-object, with the owner's declaration in the place of "who refers to it".
 */
export function correlate(before: BuiltObject, after: BuiltObject): Correlation {
  const [was, is] = [new Map<Piece, Piece>(), new Map<Piece, Piece>()];
  const doubts = new Map<Piece, string>();
  const pair = (old: Piece, now: Piece) => {
    was.set(now, old);
    is.set(old, now);
  };
  const [old, now] = [before, after].map((object) => Map.groupBy(object.pieces, (piece) => keyOf(object, piece)));
  if (!old || !now) throw new RangeError("two builds");
  for (const [key, pieces] of now) {
    const others = old.get(key) ?? [];
    const [first] = pieces;
    const [other] = others;
    if (!first || !other || key.startsWith("?")) continue;
    if (pieces.length === others.length) for (const [at, piece] of pieces.entries()) pair(others[at] ?? other, piece);
    if (pieces.length === 1 && others.length === 1) continue;
    const reason = `there are ${others.length} of ${before.label(other)} before and ${pieces.length} after, and which is which cannot be told`;
    for (const piece of [...pieces, ...others]) doubts.set(piece, reason);
  }
  doubtClosures(before, after, (piece, reason) => doubts.set(piece, reason));
  const gone = before.pieces.filter((piece) => isPrivate(piece) && !is.has(piece) && !doubts.has(piece));
  const added = after.pieces.filter((piece) => isPrivate(piece) && !was.has(piece) && !doubts.has(piece));
  pairCounted(before, gone, after, added, pair);
  doubtMoved(before, gone, after, added, (piece, reason) => was.has(piece) || doubts.set(piece, reason));
  return {
    earlier: (piece) => was.get(piece),
    later: (piece) => is.get(piece),
    doubt: (piece) => doubts.get(piece),
  };
}

/** Variables of a function or file that no other file sees, which have state and no name that must stay. */
function isPrivate(piece: Piece): boolean {
  return piece.hasSymbol && piece.scope !== null && (piece.kind === "variable" || piece.kind === "thread-local");
}

/** What a piece is known by in both builds; one that begins with `?` is known by its contents alone. */
function keyOf(object: BuiltObject, piece: Piece): string {
  if (!piece.hasSymbol) return piece.mergeable > 0 ? `?${piece.name}` : `section ${piece.name}`;
  if (piece.scope === null) return `shared ${piece.name}`;
  if (piece.kind === "code") return `code ${piece.name}`;
  const variable = object.variable(piece);
  if (variable) return `variable ${JSON.stringify([...variable.scope, variable.name])}`;
  // what the compiler makes by itself, such as the table of a switch: a constant is as good as an equal one
  if (piece.kind === "constant") return `?${piece.name}`;
  return `unknown ${piece.name.replace(/\.\d+$/, "")}`;
}

/** Pairs what macros name by a counter (`once_17` became `once_18`) and is alone of its kind in both builds. */
function pairCounted(
  before: BuiltObject,
  gone: readonly Piece[],
  after: BuiltObject,
  added: readonly Piece[],
  pair: (old: Piece, now: Piece) => void,
): void {
  const uncounted = (object: BuiltObject, piece: Piece) => keyOf(object, piece).replaceAll(/\d+/g, "#");
  const [old, now] = [
    Map.groupBy(gone, (piece) => uncounted(before, piece)),
    Map.groupBy(added, (piece) => uncounted(after, piece)),
  ];
  for (const [key, pieces] of now) {
    const others = old.get(key) ?? [];
    const [piece, other] = [pieces[0], others[0]];
    const isAlone = pieces.length === 1 && others.length === 1;
    if (isAlone && piece && other && key.includes("#") && piece.size === other.size) pair(other, piece);
  }
}

/** Part of a closure's name (Itanium C++ ABI, 5.1.7): its number among those of its function. */
const closure = /Ul\w*?E\d*_/;

/** Closures of a function are numbered in order, so that one more or less gives the others each other's names. */
function doubtClosures(before: BuiltObject, after: BuiltObject, doubt: (piece: Piece, reason: string) => void): void {
  const group = ({ pieces }: BuiltObject) =>
    Map.groupBy(
      pieces.filter(({ kind, name }) => kind === "code" && closure.test(name)),
      ({ name }) => name.slice(0, name.search(closure)),
    );
  const old = group(before);
  for (const [prefix, pieces] of group(after)) {
    const count = old.get(prefix)?.length ?? 0;
    if (count === 0 || count === pieces.length) continue;
    for (const piece of pieces)
      doubt(piece, `its function has ${pieces.length} closures and had ${count}, which gives them each other's names`);
  }
}

/** A static variable that is gone in one place and new in another may be the same one, with a state that the process has. */
function doubtMoved(
  before: BuiltObject,
  gone: readonly Piece[],
  after: BuiltObject,
  added: readonly Piece[],
  doubt: (piece: Piece, reason: string) => void,
): void {
  const nameOf = (object: BuiltObject, piece: Piece) => object.variable(piece)?.name ?? piece.name;
  for (const piece of added) {
    const name = nameOf(after, piece);
    const other = gone.find((old) => nameOf(before, old) === name && old.size === piece.size);
    if (!other) continue;
    doubt(
      piece,
      `${before.label(other)} is gone and ${after.label(piece)} is new, and whether they are one cannot be told`,
    );
  }
}
