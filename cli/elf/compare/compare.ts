import { SutureError } from "../../../protocol/errors.ts";
import { layoutsOf, mayUnwind } from "../debug/layout.ts";
import type { SourcePlace } from "../debug/names.ts";
import type { BuiltObject } from "../object/built-object.ts";
import { coldSuffix, type Piece } from "../object/object-file.ts";
import { type Correlation, correlate } from "./correlate.ts";
import { expectSameLayouts } from "./layouts.ts";
import { lineNumbersAside } from "./lines-only.ts";
import { Comparison, type Difference } from "./same.ts";
import { expectEffect } from "./start-up.ts";

/** A function that differs, and in what. */
export type ChangedFunction = { before: Piece; after: Piece; difference: Difference; source: SourcePlace | null };
/** A function that differs in line numbers or dates alone, and stays as it is. */
export type LeftOut = { name: string; source: SourcePlace | null };

/** What differs between two builds of one source file. */
export type Change = Correlation & {
  before: BuiltObject;
  after: BuiltObject;
  functions: readonly ChangedFunction[];
  leftOut: readonly LeftOut[];
  /** layouts that differ and that the vendor answers for, in words */
  acceptedLayouts: readonly string[];
  /** Whether a piece is what it was, in all that it is and refers to. */
  isUnchanged: (after: Piece) => boolean;
};

/** Parts that the compiler moved out of a function belong to it. */
export function isColdPart(piece: Piece): boolean {
  return piece.kind === "code" && coldSuffix.test(piece.name);
}

/**
 * Compares two builds of one source file, and makes sure that only functions differ, and that a running process would see the difference.
 *
 * @param accepted types whose layout may differ, since the vendor says that no running process has data of the old one
 * @throws SutureError `unsupported`: a variable, a layout or what runs at start differs; exceptions may pass; or there is no debugging information
 */
export function compareObjects(
  before: BuiltObject,
  after: BuiltObject,
  accepted: ReadonlySet<string> = new Set(),
): Change {
  const correlation = correlate(before, after);
  const exact = new Comparison(correlation);
  const lenient = new Comparison(correlation, lineNumbersAside(before, after));
  const functions: ChangedFunction[] = [];
  const leftOut: LeftOut[] = [];
  const fault = dataFault(before, after, correlation, lenient);
  for (const [piece, parts] of functionsOf(after)) {
    const earlier = correlation.earlier(piece);
    if (!earlier) continue;
    expectSameAliases(before, after, earlier, piece);
    const differing = parts.flatMap((part) => differenceOf(part, correlation, exact));
    const lost = before.pieces.find((part) => isPartOf(part, earlier) && !correlation.later(part));
    const [first] = differing;
    if (!first && !lost) continue;
    const doubt = correlation.doubt(piece);
    if (doubt !== undefined) throw new SutureError("unsupported", `${after.path}: ${piece.name} differs, but ${doubt}`);
    const counts = lost || differing.some(({ part }) => differenceOf(part, correlation, lenient).length > 0);
    const at = first?.part === piece ? first.difference.at : 0;
    const source = after.sourceOf(piece, at);
    if (!counts) leftOut.push({ name: piece.name, source });
    else {
      const difference = first?.difference ?? { at: 0, what: "its code differs" };
      functions.push({ before: earlier, after: piece, difference, source });
    }
  }
  // what has become the same code as another function has no code of its own any more
  for (const old of before.pieces) {
    if (old.kind !== "code" || isColdPart(old) || correlation.later(old)) continue;
    const piece = after.pieces.find(({ kind, names }) => kind === "code" && names.includes(old.name));
    const difference = piece && exact.difference(old, piece);
    if (difference) functions.push({ before: old, after: piece, difference, source: after.sourceOf(piece) });
  }
  const change = { ...correlation, before, after, functions, leftOut, acceptedLayouts: [], isUnchanged };
  if (functions.length === 0 && !fault) return change;
  const [was, is] = [before, after].map(({ path, debug, pieces }) =>
    layoutsOf(path, debug(), ({ section }) =>
      pieces.some((piece) => piece.section === section && piece.kind === "constant" && !piece.named),
    ),
  );
  const acceptedLayouts = was && is ? expectSameLayouts(after.path, was, is, after.declaredAt, accepted) : [];
  if (fault) throw fault;
  if (mayUnwind(after.debug())) {
    const reason =
      "exceptions may pass through its functions, and could not pass through new ones; see -fno-exceptions";
    throw new SutureError("unsupported", `${after.path}: ${reason}`);
  }
  expectEffect(change);
  return { ...change, acceptedLayouts };

  function isUnchanged(piece: Piece): boolean {
    const earlier = correlation.earlier(piece);
    return earlier !== undefined && exact.same(earlier, piece);
  }
}

/** Each function with the parts that the compiler moved out of it, itself the first. */
function functionsOf({ pieces }: BuiltObject): Map<Piece, Piece[]> {
  const functions = new Map(
    pieces.filter((piece) => piece.kind === "code" && !isColdPart(piece)).map((piece) => [piece, [piece]]),
  );
  const byName = new Map([...functions.keys()].map((piece) => [piece.name, piece]));
  for (const piece of pieces.filter(isColdPart)) {
    const whole = byName.get(piece.name.replace(coldSuffix, ""));
    if (whole) functions.get(whole)?.push(piece);
  }
  return functions;
}

/** Names of one code must stay names of one code: a jump at its beginning is for all of them. */
function expectSameAliases(before: BuiltObject, after: BuiltObject, old: Piece, now: Piece): void {
  const parted = old.names.find(
    (name) => !now.names.includes(name) && after.pieces.some(({ names }) => names.includes(name)),
  );
  if (parted === undefined) return;
  const reason = `${old.name} and ${parted} were one code, and are two after the fix: neither can be replaced without the other`;
  throw new SutureError("unsupported", `${before.path}: ${reason}; compile with -fno-ipa-icf`);
}

function isPartOf(part: Piece, whole: Piece): boolean {
  return isColdPart(part) && whole.names.includes(part.name.replace(coldSuffix, ""));
}

function differenceOf(
  part: Piece,
  correlation: Correlation,
  comparison: Comparison,
): { part: Piece; difference: Difference }[] {
  const earlier = correlation.earlier(part);
  const difference = earlier ? comparison.difference(earlier, part) : { at: 0, what: "a part of it is new" };
  return difference ? [{ part, difference }] : [];
}

/** A running process has its variables as they are: none may begin otherwise, and what runs at start has run. Null where that holds. */
function dataFault(
  before: BuiltObject,
  after: BuiltObject,
  correlation: Correlation,
  comparison: Comparison,
): SutureError | null {
  const refuse = (piece: Piece, of: BuiltObject, reason: string) =>
    new SutureError("unsupported", `${of.path}: ${placed(of, piece)}${of.label(piece)} ${reason}`);
  for (const piece of after.pieces) {
    if (piece.kind === "code" || (piece.kind === "constant" && !piece.named)) continue;
    const was = correlation.earlier(piece);
    const difference = was && comparison.difference(was, piece);
    if (!was && piece.kind === "list")
      return refuse(piece, after, "is new: what it lists runs only when a program starts or ends");
    if (difference === null || (!was && piece.hasSymbol)) continue;
    if (!was) return refuse(piece, after, "is new, and a patch cannot have it");
    if (piece.kind === "list")
      return refuse(piece, after, "differs: what it lists runs only when a program starts or ends");
    return refuse(piece, after, `differs: a running process has the ${piece.kind} as it was (${difference?.what})`);
  }
  for (const piece of before.pieces) {
    const isKept = piece.kind === "code" || piece.kind === "constant" || correlation.later(piece) !== undefined;
    if (!isKept && !piece.hasSymbol)
      return refuse(piece, before, "is no longer there, and a patch cannot take it away");
  }
  return null;
}

function placed(object: BuiltObject, piece: Piece): string {
  const source = object.sourceOf(piece);
  return source ? `${source.file}:${source.line}: ` : "";
}
