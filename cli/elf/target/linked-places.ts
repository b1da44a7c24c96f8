import { SutureError } from "../../../protocol/errors.ts";
import { textOf } from "../compare/same.ts";
import type { ObjectFile, Piece, Reference } from "../object/object-file.ts";
import { isShort, isThroughTable, relocation } from "../object/relocations.ts";
import type { Target } from "./target.ts";

/** Where the linker put what an object file of the target refers to: read from the target's own code, so that no name can mislead. */
export type LinkedPlaces = {
  /** The address of a piece; undefined where no code of the file that the target has refers to it. */
  ofPiece: (piece: Piece) => number | undefined;
  /** The address of a string or number among merged constants, as a function refers to it; `user` is asked first. */
  ofText: (text: Buffer, piece: Piece, user: Piece | undefined) => number | undefined;
};

/** Sections of the target through which calls go that are bound later: such a call says nothing of where its function lies. */
const tables = /^\.(?:plt|iplt)/;

/**
 * Reads the places from each function of an object file that the target has as it is: what the linker filled in there leads to them.
 * @throws SutureError `unsupported` where two functions of the file do not agree
 */
export function readLinkedPlaces(object: ObjectFile, target: Target): LinkedPlaces {
  const pieces = new Map<Piece, number>();
  const texts = new Map<string, number>();
  const stubs = target.file.sections.filter((section) => section.allocated && tables.test(target.file.nameOf(section)));
  const isStub = (address: number) =>
    stubs.some((section) => address >= section.address && address < section.address + section.size);
  for (const user of object.pieces) {
    if (user.kind !== "code") continue;
    const symbol = target.placeOf(user);
    const code = symbol && target.file.bytesAt(symbol.address, user.size);
    if (!symbol || !code) continue;
    pieces.set(user, symbol.address);
    for (const reference of user.references) {
      if (!("piece" in reference.to)) continue;
      const address = addressAt(code, symbol.address, reference);
      if (address === null || isStub(address.symbol)) continue;
      const { piece, offset } = reference.to;
      const text = textOf(reference);
      if (text) {
        const at = address.exact;
        if (!target.file.bytesAt(at, text.length)?.equals(text)) continue;
        texts.set(keyOf(text, piece, user), at);
        texts.set(keyOf(text, piece), at);
      } else if (piece.mergeable === 0 && !(user.isCommon && piece.scope !== null)) {
        // an inline function that the linker kept of another file refers to that file's own
        const base = address.symbol - offset;
        const known = pieces.get(piece);
        if (known !== undefined && known !== base) {
          throw new SutureError("unsupported", `${target.path}: its code does not agree where ${piece.name} lies`);
        }
        pieces.set(piece, base);
      }
    }
  }
  return {
    ofPiece: (piece) => pieces.get(piece),
    ofText: (text, piece, user) => (user && texts.get(keyOf(text, piece, user))) ?? texts.get(keyOf(text, piece)),
  };
}

function keyOf(text: Buffer, { name, align }: Piece, user?: Piece): string {
  return `${name} ${align} ${text.toString("latin1")} ${user?.section ?? ""}`;
}

/** What a filled-in reference says: the address of its symbol, and of the very place that is meant. Null where it goes through a table. */
function addressAt(code: Buffer, at: number, reference: Reference): { symbol: number; exact: number } | null {
  const { type, addend, to } = reference;
  const isInside = "piece" in to && to.inside;
  if (type === relocation.distance || type === relocation.call) {
    const symbol = at + reference.at + code.readInt32LE(reference.at) - addend;
    return { symbol, exact: symbol };
  }
  if (isShort(type)) {
    const exact = type === relocation.signed32 ? code.readInt32LE(reference.at) : code.readUInt32LE(reference.at);
    return { symbol: exact - addend, exact: isInside ? exact : exact - addend };
  }
  // the linker may have made an address of a table's entry the address itself: lea in the place of mov
  if (isThroughTable(type) && code[reference.at - 2] === 0x8d) {
    const symbol = at + reference.at + code.readInt32LE(reference.at) - addend;
    return { symbol, exact: symbol };
  }
  return null;
}
