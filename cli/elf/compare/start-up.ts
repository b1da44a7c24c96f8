import { SutureError } from "../../../protocol/errors.ts";
import { coldSuffix, type Piece, type Reference } from "../object/object-file.ts";
import { isAddress } from "../object/relocations.ts";
import type { Change } from "./compare.ts";

/** .init_array and its kin: what they list runs before main. */
const startLists = /^\.(?:init_array|preinit_array|ctors)(?:\.|$)/;

/**
 * Makes sure that a running process would see each change: not where only code differs that it has been through, or that data of its
 * own lead around.
 * @throws SutureError `unsupported`
 */
export function expectEffect(change: Change): void {
  const { before, after, functions } = change;
  const refuse = (piece: Piece, reason: string) => {
    const source = functions.find((each) => each.before === piece || each.after === piece)?.source;
    const place = source ? `${source.file}:${source.line}: ` : "";
    return new SutureError("unsupported", `${after.path}: ${place}${piece.name} ${reason}`);
  };
  const starting = startOnly(before.pieces);
  for (const { before: was, after: is, difference } of functions) {
    if (is.name === "main" && is.scope === null) {
      throw refuse(is, `is on the stack as long as the program runs, and can never be replaced (${difference.what})`);
    }
    if (starting.has(was)) {
      throw refuse(
        is,
        "runs only when the program starts, so that a running process would not see the fix; it needs a restart",
      );
    }
    const table = [...before.pieces, ...after.pieces].find(
      (piece) =>
        piece.kind === "variable" &&
        piece.references.some(
          ({ to, type, addend }) =>
            "piece" in to && (to.piece === was || to.piece === is) && isAddress(type) && to.offset + addend !== 0,
        ),
    );
    if (table) {
      const label = after.pieces.includes(table) ? after.label(table) : before.label(table);
      throw refuse(
        is,
        `keeps addresses of its own labels in a variable (${label}), by which a running process stays in the old code; make it const`,
      );
    }
  }
}

/** The functions that run before main alone: those that are listed, and those that only such functions call. */
function startOnly(pieces: readonly Piece[]): ReadonlySet<Piece> {
  const users = new Map<Piece, Piece[]>();
  for (const piece of pieces) {
    for (const to of piece.references.flatMap(codeOf)) users.set(to, [...(users.get(to) ?? []), piece]);
  }
  const found = new Set<Piece>();
  const isFound = (piece: Piece) => (piece.kind === "list" && startLists.test(piece.name)) || found.has(piece);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [piece, from] of users) {
      const isListed = from.some((user) => user.kind === "list");
      const isOwn = (user: Piece) => user === piece || user.name.replace(coldSuffix, "") === piece.name;
      if ((isListed || piece.scope !== null) && from.every((user) => isOwn(user) || isFound(user))) found.add(piece);
    }
  }
  return found;
}

function codeOf({ to }: Reference): Piece[] {
  return "piece" in to && to.piece.kind === "code" ? [to.piece] : [];
}
