import { createHash } from "node:crypto";
import { SutureError } from "../../../protocol/errors.ts";
import type { Change, ChangedFunction } from "../compare/compare.ts";
import { coldSuffix, type Piece } from "../object/object-file.ts";
import { isLinkedFrom } from "./code-match.ts";
import { type Target, withoutVersion } from "./target.ts";

/** Where a replaced function lies in the target, as `patch.json` says it. */
export type ReplacedFunction = {
  name: string;
  replacement: string;
  address: string;
  size: number;
  sha256: string;
  aliases?: string[];
};

const shortest = { plain: 5, withLandingPad: 9 };
const landingPad = Buffer.from([0xf3, 0x0f, 0x1e, 0xfa]);

/**
 * Makes sure that the target has each of the functions exactly as an object file has it, that nothing else lies where it does, and that
 * it has no copy which is not among them. Functions that several files have in common (inline ones of C++) are there once.
 * @throws SutureError `unsupported`
 */
export function findReplaced(changes: readonly Change[], target: Target): Map<ChangedFunction, ReplacedFunction> {
  const refuse = (reason: string) => new SutureError("unsupported", `${target.path}: ${reason}`);
  const replaced = new Map<ChangedFunction, ReplacedFunction>();
  const taken = new Map<number, ChangedFunction>();
  for (const change of changes) {
    for (const each of change.functions) {
      const piece = each.before;
      const symbol = target.placeOf(piece);
      if (!symbol) throw refuse(reasonOfAbsence(piece, target));
      const least = piece.bytes.subarray(0, 4).equals(landingPad) ? shortest.withLandingPad : shortest.plain;
      if (piece.size < least) throw refuse(`${piece.name} is too short to be replaced: ${piece.size} bytes`);
      const twin = taken.get(symbol.address);
      if (twin && piece.scope === null && twin.before.name === piece.name) continue;
      if (twin) throw refuse(`${piece.name} and ${twin.before.name} are one code there`);
      taken.set(symbol.address, each);
      const names = target.namesAt(symbol.address);
      const own = new Set(piece.names.map(withoutVersion));
      const folded = names.find((name) => !own.has(name));
      if (folded !== undefined) {
        throw refuse(
          `the linker made ${folded} and ${piece.name} one code (--icf), and a patch would change both; link with --icf=none`,
        );
      }
      expectNoCopy(piece, change, target);
      const code = target.file.bytesAt(symbol.address, piece.size) ?? Buffer.alloc(0);
      const aliases = names.filter((name) => name !== withoutVersion(piece.name));
      replaced.set(each, {
        name: piece.name,
        replacement: `${piece.name}.fixed`,
        address: `0x${symbol.address.toString(16)}`,
        size: piece.size,
        sha256: createHash("sha256").update(code).digest("hex"),
        ...(aliases.length > 0 && { aliases }),
      });
    }
  }
  return replaced;
}

function reasonOfAbsence(piece: Piece, target: Target): string {
  const found = target.find(withoutVersion(piece.name), piece.scope);
  if (found.length === 0)
    return `it has no function ${piece.name}: it is stripped, or the linker or compiler left it out`;
  const isThere = found.some(({ address, size }) => isLinkedFrom(target.file.bytesAt(address, size), piece));
  const reason = isThere ? "has another size" : "is not the one of the build before";
  return `its ${piece.name} ${reason}: other source, compiler or flags`;
}

/** What the compiler copied of a function lies in the file that has the function, and was compared with the rest of it. */
function expectNoCopy(piece: Piece, { before }: Change, target: Target): void {
  const known = new Set(before.pieces.flatMap(({ names }) => names));
  const copy = target.file.symbols
    .derivedFrom(piece.name)
    .find(
      ({ name, type, local }) =>
        type === 2 && !(piece.scope !== null && local) && !coldSuffix.test(name) && !known.has(name),
    );
  if (copy) {
    throw new SutureError(
      "unsupported",
      `${target.path}: ${copy.name} is a copy of ${piece.name} that the fix leaves as it is`,
    );
  }
}
