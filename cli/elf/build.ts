import { SutureError } from "../../protocol/errors.ts";
import { compareObjects } from "./compare.ts";
import type { Inlining } from "./inlining.ts";
import { type ObjectFile, readObject } from "./object-file.ts";
import { linkPayload } from "./payload.ts";
import { collectParts } from "./references.ts";
import { readTarget } from "./target.ts";

/** A file and its path, for errors. */
export type NamedFile = { path: string; bytes: Buffer };
/** Two builds of one source file. */
export type Pair = { before: NamedFile; after: NamedFile };

/** A payload with what `patch.json` says of it. */
export type BuiltPayload = {
  payload: Buffer;
  buildId: string;
  functions: { name: string; replacement: string }[];
};

/**
 * Makes a payload from the builds before and after a fix, for the binary that was linked from the former. Only functions may differ.
 * @throws SutureError `unsupported` with the file and the reason: data, a layout or the binary is not as it must be, or nothing differs
 */
export function buildPayload(pairs: readonly Pair[], binary: NamedFile): BuiltPayload {
  try {
    return build(pairs, binary);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SutureError("unsupported", "an object file is damaged: something reaches past its end", { cause });
  }
}

function build(pairs: readonly Pair[], binary: NamedFile): BuiltPayload {
  const target = readTarget(binary.path, binary.bytes);
  const changes = pairs
    .filter(({ before, after }) => !before.bytes.equals(after.bytes))
    .flatMap(({ before, after }) => compareObjects(read(before), read(after)) ?? []);
  const fixes = changes.flatMap(({ functions }) => [...functions]);
  if (fixes.length === 0) throw new SutureError("unsupported", "no function differs between the two builds");
  target.expect(fixes.map(([before]) => before));
  expectNoOtherCopies(
    fixes.map(([{ name }]) => name),
    pairs,
    binary,
    target.inlinings,
  );
  const exported = fixes.map(([before, piece]) => ({ name: `${before.name}.fixed`, piece }));
  return {
    payload: linkPayload(collectParts(changes, target), exported),
    buildId: target.buildId,
    functions: fixes.map(([{ name }]) => ({ name, replacement: `${name}.fixed` })),
  };
}

/**
 * Makes sure that the code of a fixed function lies in no function of a file that was not given: whether that one changed too is
 * then unknown. Throws `unsupported`.
 */
function expectNoOtherCopies(
  fixed: readonly string[],
  pairs: readonly Pair[],
  { path }: NamedFile,
  inlinings: readonly Inlining[],
): void {
  const sources = fixed.map(sourceName);
  const copies = inlinings.filter(({ name, into }) => sources.includes(name) && !sources.includes(into));
  if (copies.length === 0) return;
  const given = new Set(pairs.flatMap(({ before }) => read(before).pieces.map(({ name }) => sourceName(name))));
  const copy = copies.find(({ into }) => !given.has(into));
  if (!copy) return;
  throw new SutureError(
    "unsupported",
    `${path}: ${copy.name} is inlined into ${copy.into}, which is in none of the files: give the whole builds`,
  );
}

/** A function's name in the source, which debug information has: what the compiler makes of it has a dot and a word more. */
function sourceName(name: string): string {
  return name.split(".", 1)[0] ?? name;
}

function read({ path, bytes }: NamedFile): ObjectFile {
  return readObject(path, bytes);
}
