import { type ChangedFunction, isColdPart, type LeftOut } from "./compare/compare.ts";
import { attribute, tag } from "./debug/dwarf.ts";
import type { SourcePlace } from "./debug/names.ts";
import { nameOf } from "./debug/names.ts";
import type { BuiltObject } from "./object/built-object.ts";
import type { Part, PlacedChange } from "./payload/parts.ts";

/** Why a function, variable or constant is in a payload. */
export type Inclusion = {
  name: string;
  kind: "replaced" | "new" | "constant";
  source: SourcePlace | null;
  /** one step a line, from the thing itself to what changed */
  because: string[];
};
export type LeftOutFunction = LeftOut;

/** Why each thing of a payload is in it: the replaced functions by what differs in them, the rest by who refers to it. */
export function inclusionsOf(
  changes: readonly PlacedChange[],
  replaced: readonly ChangedFunction[],
  parts: readonly Part[],
): Inclusion[] {
  const changeOf = new Map(changes.flatMap((change) => change.after.pieces.map((piece) => [piece, change] as const)));
  const becauseOf = new Map(parts.map(({ piece, because }) => [piece, because]));
  const functions = replaced.map(({ after: piece, source, difference }): Inclusion => {
    const change = changeOf.get(piece);
    const inner = source && change ? inlinedAt(change.after, piece.name, source) : null;
    const what = inner === null ? difference.what : `${inner} is inlined into it, and there ${difference.what}`;
    return { name: piece.name, kind: "replaced", source, because: [what] };
  });
  const rest = parts.flatMap(({ piece, because }): Inclusion[] => {
    const change = changeOf.get(piece);
    if (because === null || !change || !piece.hasSymbol || isColdPart(piece)) return [];
    const chain: string[] = [];
    for (let user = because, name = piece.name; chain.length < 32; ) {
      chain.push(`${user.name} refers to ${name}`);
      const next = becauseOf.get(user);
      if (!next) break;
      [name, user] = [user.name, next];
    }
    const kind = piece.kind === "constant" ? "constant" : "new";
    return [{ name: change.after.label(piece), kind, source: change.after.sourceOf(piece), because: chain }];
  });
  return [...functions, ...rest];
}

/** The function that a line within another's code is from, where it was inlined there; null where the line is the function's own. */
function inlinedAt(object: BuiltObject, name: string, { file, line }: SourcePlace): string | null {
  const debug = object.debug();
  let nearest: { name: string; line: number } | null = null;
  for (const entry of debug.entries) {
    if (entry.tag !== tag.function || entry.values.has(attribute.declaration)) continue;
    const declared = object.declaredAt(entry);
    if (!declared || declared.file !== file || declared.line > line) continue;
    if (!nearest || declared.line > nearest.line) nearest = { name: nameOf(entry, debug) ?? "", line: declared.line };
  }
  return nearest && nearest.name !== name.split(".", 1)[0] ? nearest.name : null;
}
