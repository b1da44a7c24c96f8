import { SutureError } from "../../../protocol/errors.ts";
import type { Change, ChangedFunction } from "../compare/compare.ts";
import { signatureOf } from "../debug/signature.ts";
import { readObject } from "../object/object-file.ts";
import type { Pair } from "../object/pairs.ts";
import { callersOf } from "./callers.ts";
import type { ReplacedFunction } from "./expect.ts";
import type { Target } from "./target.ts";

/**
 * Makes sure that the code of a fixed function lies in no function of a file that was not given: whether that one changed too is
 * then unknown. Throws `unsupported`.
 */
export function expectNoOtherCopies(changes: readonly Change[], pairs: readonly Pair[], target: Target): void {
  const sources = changes.flatMap(({ functions }) => functions.map(({ before }) => sourceName(before.name)));
  const copies = target.inlinings().filter(({ name, into }) => sources.includes(name) && !sources.includes(into));
  if (copies.length === 0) return;
  const given = new Set(pairs.flatMap(({ before }) => readObject(before).pieces.map(({ name }) => sourceName(name))));
  const copy = copies.find(({ into }) => !given.has(into));
  if (!copy) return;
  throw new SutureError(
    "unsupported",
    `${target.path}: ${copy.name} is inlined into ${copy.into}, which is in none of the files: give the whole builds`,
  );
}

/**
 * Makes sure that whatever calls a function which takes or gives back other things than before was compiled with it. Throws `unsupported`.
 */
export function expectKnownCallers(
  replaced: ReadonlyMap<ChangedFunction, ReplacedFunction>,
  changes: readonly Change[],
  pairs: readonly Pair[],
  target: Target,
): void {
  for (const [{ before, after, source }, { name, address }] of replaced) {
    const change = changes.find(({ functions }) => functions.some((each) => each.before === before));
    if (!change || before.scope !== null) continue;
    const [was, is] = [signatureOf(before.name, change.before.debug()), signatureOf(after.name, change.after.debug())];
    if (was === null || is === null || was === is) continue;
    const place = source ? `${source.file}:${source.line}: ` : "";
    const differs = `${place}${name} was ${was} and is ${is}`;
    if (target.replaceable(name, Number(address))) {
      throw new SutureError(
        "unsupported",
        `${differs}, and other programs call it, which ${target.path} exports it to`,
      );
    }
    const given = new Set(pairs.flatMap(({ before: file }) => readObject(file).pieces.flatMap(({ names }) => names)));
    const caller = callersOf(target, Number(address)).find((each) => !given.has(each));
    if (caller === undefined) continue;
    throw new SutureError(
      "unsupported",
      `${differs}, and ${caller} calls it, which is in none of the files: give the whole builds`,
    );
  }
}

/** A function's name in the source, which debug information has: what the compiler makes of it has a dot and a word more. */
function sourceName(name: string): string {
  return name.split(".", 1)[0] ?? name;
}
