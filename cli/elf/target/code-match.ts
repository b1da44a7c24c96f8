import type { Piece } from "../object/object-file.ts";
import { relaxedRange } from "../object/relocations.ts";

/** Whether code that was linked is that of an object file, less what the linker fills in. */
export function isLinkedFrom(linked: Buffer | null, piece: Piece): boolean {
  return linked !== null && masked(linked, piece).equals(masked(piece.bytes, piece));
}

function masked(bytes: Buffer, piece: Piece): Buffer {
  const code = Buffer.from(bytes.subarray(0, piece.size));
  for (const { at, type } of piece.references) {
    const { before, behind } = relaxedRange(type);
    code.fill(0, Math.max(0, at - before), Math.min(at + behind, code.length));
  }
  return code;
}
