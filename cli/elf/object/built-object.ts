import { attribute, type DebugInfo, type Entry, readDebugInfo } from "../debug/dwarf.ts";
import { type LineTables, lineAt, readLines } from "../debug/lines.ts";
import { originOf, type SourcePlace } from "../debug/names.ts";
import { type SourceVariable, variablesOf } from "../debug/statics.ts";
import type { ObjectFile, Piece } from "./object-file.ts";

/** An object file with what its debugging information tells, each read once and only where it is needed. */
export type BuiltObject = ObjectFile & {
  debug: () => DebugInfo;
  lines: () => LineTables;
  /** The variable of the source that a piece is; undefined for what the compiler made by itself. */
  variable: (piece: Piece) => SourceVariable | undefined;
  /** How a person knows a piece: `count of failures()` for what the compiler calls `count.1`. */
  label: (piece: Piece) => string;
  /** Where in the source something is declared; null where nothing tells. */
  declaredAt: (entry: Entry) => SourcePlace | null;
  /** Where in the source a piece, or the place in it, is from; null where nothing tells. */
  sourceOf: (piece: Piece, at?: number) => SourcePlace | null;
};

/** Adds what the debugging information tells. What is returned throws `unsupported` where there is none. */
export function withDebugInfo(object: ObjectFile): BuiltObject {
  const { path, file } = object;
  const debug = once(() => readDebugInfo(path, file));
  const lines = once(() => readLines(path, file));
  const variables = once(
    () => new Map(variablesOf(debug()).map((variable) => [`${variable.place.section} ${variable.place.at}`, variable])),
  );
  const variable = (piece: Piece) => (piece.kind === "code" ? undefined : variables().get(`${piece.section} 0`));
  const declaredAt = (entry: Entry): SourcePlace | null => {
    const from = entry.values.has(attribute.declarationLine) ? entry : originOf(entry, debug());
    const [line, number] = [from.values.get(attribute.declarationLine), from.values.get(attribute.declarationFile)];
    const table = unitOf(from).values.get(attribute.statements);
    const file = lines().files.get(Number(table))?.[Number(number)];
    return typeof line === "number" && file !== undefined ? { file, line } : null;
  };
  return {
    ...object,
    debug,
    declaredAt,
    lines,
    variable,
    label(piece) {
      const of = variable(piece);
      if (!of || piece.scope === null) return piece.name;
      const owner = of.scope.at(-1);
      return owner === undefined ? of.name : `${of.name} of ${owner}()`;
    },
    sourceOf(piece, at = 0) {
      if (piece.kind === "code") return lineAt(lines(), { section: piece.section, at });
      const of = variable(piece);
      return of ? declaredAt(of.entry) : null;
    },
  };
}

function unitOf(entry: Entry): Entry {
  let unit = entry;
  while (unit.parent) unit = unit.parent;
  return unit;
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
