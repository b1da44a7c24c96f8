/**
 * How a payload is made from two builds of the same source, in the manner of kpatch's create-diff-object, for programs:
 *
 * 1. `object/` reads each pair of object files in pieces, one a section: with -ffunction-sections -fdata-sections a function or variable each.
 * 2. `compare/` tells which piece of one build is which of the other (correlate.ts), compares them (same.ts), leaves out what differs in
 *    line numbers alone (lines-only.ts), and refuses what a running process would not see or bear: other data, layouts (layouts.ts), code
 *    that only runs at start (start-up.ts). `debug/` reads the debugging information that this rests on.
 * 3. `target/` finds in the binary that runs, byte for byte, what the build before has (target.ts, expect.ts), and where the linker put
 *    what that refers to (linked-places.ts).
 * 4. `payload/` takes the changed functions and what only they have (parts.ts), and links them into a shared object (link-payload.ts):
 *    whatever the target has already is used there, by its address; only libraries are reached by name.
 *
 * What cannot be proved equal counts as changed; what cannot be made right is refused, with what to do.
 */
import { SutureError } from "../../protocol/errors.ts";
import { type Change, compareObjects } from "./compare/compare.ts";
import { type Inclusion, inclusionsOf, type LeftOutFunction } from "./explain.ts";
import { type BuiltObject, withDebugInfo } from "./object/built-object.ts";
import { readObject } from "./object/object-file.ts";
import type { NamedFile, Pair } from "./object/pairs.ts";
import { isSameProgram } from "./object/same-program.ts";
import { linkPayload } from "./payload/link-payload.ts";
import { collectParts } from "./payload/parts.ts";
import { findReplaced, type ReplacedFunction } from "./target/expect.ts";
import { readLinkedPlaces } from "./target/linked-places.ts";
import { readTarget } from "./target/target.ts";
import { expectKnownCallers, expectNoOtherCopies } from "./target/whole-builds.ts";

/** A payload with what `patch.json` says of it, and why each thing is in it. */
export type BuiltPayload = {
  payload: Buffer;
  buildId: string;
  functions: ReplacedFunction[];
  included: Inclusion[];
  leftOut: LeftOutFunction[];
  /** layouts that differ, by the vendor's decision, in words */
  acceptedLayouts: string[];
};

/** What the vendor answers for: types whose layout may differ, as `struct session` or `session`. */
export type BuildDecisions = { acceptLayouts?: readonly string[] };

/**
 * Makes a payload from the builds before and after a fix, for the binary that was linked from the former. Only functions may differ.
 * @throws SutureError `unsupported` with the file and the reason: data, a layout or the binary is not as it must be, or nothing differs
 */
export function buildPayload(pairs: readonly Pair[], binary: NamedFile, decisions: BuildDecisions = {}): BuiltPayload {
  try {
    return build(pairs, binary, decisions);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SutureError("unsupported", "an object file is damaged: something reaches past its end", { cause });
  }
}

function build(pairs: readonly Pair[], binary: NamedFile, { acceptLayouts = [] }: BuildDecisions): BuiltPayload {
  const accepted = new Set(acceptLayouts);
  const target = readTarget(binary);
  const changes = pairs
    .filter(({ before, after }) => !before.bytes.equals(after.bytes) && !isSameProgram(before, after))
    .map(({ before, after }) => compareObjects(read(before), read(after), accepted));
  const leftOut = changes.flatMap((change) => [...change.leftOut]);
  const changed = changes.filter(({ functions }) => functions.length > 0);
  if (changed.length === 0) throw new SutureError("unsupported", nothingDiffers(leftOut));
  const replaced = findReplaced(changed, target);
  expectNoOtherCopies(changed, pairs, target);
  expectKnownCallers(replaced, changed, pairs, target);
  const placed = changed.map((change) => ({ ...change, places: readLinkedPlaces(change.before, target) }));
  const fixed = new Set([...replaced.keys()].map(({ after }) => after));
  const parts = collectParts(placed, fixed, target);
  const exported = [...replaced].map(([{ after }, { replacement }]) => ({ name: replacement, piece: after }));
  return {
    payload: linkPayload(parts, exported),
    buildId: target.buildId,
    functions: [...replaced.values()],
    included: inclusionsOf(placed, [...replaced.keys()], parts),
    leftOut,
    acceptedLayouts: acceptedIn(changed, acceptLayouts),
  };
}

/** What was accepted, once each. Throws `invalid-request` for a decision that nothing needed: it would be signed all the same. */
function acceptedIn(changes: readonly Change[], wanted: readonly string[]): string[] {
  const accepted = [...new Set(changes.flatMap(({ acceptedLayouts }) => acceptedLayouts))];
  const idle = wanted.find(
    (name) => !accepted.some((each) => each.split(": ", 1)[0]?.replace(/^\w+ /, "") === name.replace(/^\w+ /, "")),
  );
  if (idle === undefined) return accepted;
  throw new SutureError(
    "invalid-request",
    `--accept-layout ${idle}: its layout does not differ, or no such type is there`,
  );
}

function nothingDiffers(leftOut: readonly LeftOutFunction[]): string {
  if (leftOut.length === 0) return "no function differs between the two builds";
  return `no function differs between the two builds but in line numbers or dates: ${leftOut.map(({ name }) => name).join(", ")}`;
}

function read(file: NamedFile): BuiltObject {
  return withDebugInfo(readObject(file));
}
