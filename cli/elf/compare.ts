import { SutureError } from "../../protocol/errors.ts";
import { layoutsOf, mayUnwind } from "./layout.ts";
import { coldSuffix, type ObjectFile, type Piece } from "./object-file.ts";

/** What differs between two builds of one source file. */
export type Change = {
  before: ObjectFile;
  after: ObjectFile;
  /** the fixed functions, by what they were before */
  functions: ReadonlyMap<Piece, Piece>;
  /** What a function or variable of `after` was before, by its name; undefined for a new one. */
  earlier(piece: Piece): Piece | undefined;
};

/** Parts that the compiler moved out of a function belong to it. */
export function isColdPart(piece: Piece): boolean {
  return piece.kind === "code" && coldSuffix.test(piece.name);
}

/**
 * Compares two builds of one source file, and makes sure that only functions differ. Null where nothing does.
 * @throws SutureError `unsupported`: a variable, a layout or what runs at start differs; exceptions may pass; or there is no debugging information
 */
export function compareObjects(before: ObjectFile, after: ObjectFile): Change | null {
  const earlierByStem = new Map(before.pieces.map((piece) => [before.stem(piece.name), piece]));
  const laterByStem = new Map(after.pieces.map((piece) => [after.stem(piece.name), piece]));
  const earlier = (piece: Piece) => earlierByStem.get(after.stem(piece.name));
  const refuse = (reason: string) => new SutureError("unsupported", `${after.path}: ${reason}`);

  const functions = new Map<Piece, Piece>();
  for (const piece of after.pieces) {
    const was = earlier(piece);
    if (was && after.fingerprint(piece) === before.fingerprint(was)) continue;
    if (piece.kind === "constant" && !piece.named) continue;
    if (piece.kind !== "code") {
      if (was) throw refuse(`${piece.name} differs: a running process has the ${piece.kind} as it was`);
      if (!piece.named) throw refuse(`${piece.name} is new, and a patch cannot have it`);
      continue;
    }
    const changed = isColdPart(piece) ? laterByStem.get(after.stem(piece.name.replace(coldSuffix, ""))) : piece;
    const original = changed && earlier(changed);
    if (changed && original) functions.set(original, changed);
  }
  for (const piece of before.pieces) {
    const isGone = piece.kind !== "code" && piece.kind !== "constant" && !laterByStem.has(before.stem(piece.name));
    if (isGone && !piece.named) throw refuse(`${piece.name} is no longer there, and a patch cannot take it away`);
  }
  if (functions.size === 0) return null;
  if (mayUnwind(after.path, after.file)) {
    throw refuse("exceptions may pass through its functions, and could not pass through new ones; see -fno-exceptions");
  }
  compareLayouts(before, after);
  return { before, after, functions, earlier };
}

function compareLayouts(before: ObjectFile, after: ObjectFile): void {
  const was = layoutsOf(before.path, before.file);
  for (const [name, layout] of layoutsOf(after.path, after.file)) {
    const old = was.get(name);
    if (old === undefined || old === layout) continue;
    throw new SutureError(
      "unsupported",
      `${after.path}: the layout of ${name} differs, and a running process has data of the old one: ${old} became ${layout}`,
    );
  }
}
