import { SutureError } from "../../../protocol/errors.ts";
import { type Layout, type Layouts, sameLayout } from "../debug/layout.ts";
import type { SourcePlace } from "../debug/names.ts";

/**
 * Makes sure that what both builds have lies in memory alike: the running process has data of the old layout, and a patch cannot
 * change that.
 * @param accepted the types that the vendor answers for, as `struct session` or `session`
 * @returns what was accepted, in words
 * @throws SutureError `unsupported` with the type, its field and its line
 */
export function expectSameLayouts(
  path: string,
  before: Layouts,
  after: Layouts,
  declaredAt: (entry: Layout["entry"]) => SourcePlace | null,
  accepted: ReadonlySet<string>,
): string[] {
  const decisions: string[] = [];
  for (const [name, layouts] of after) {
    const olds = before.get(name);
    if (!olds) continue;
    // of two types of one name only what is there no more or has become another counts
    const gone = olds.filter((old) => !layouts.some((layout) => isKept(name, old, layout)));
    const added = layouts.filter((layout) => !olds.some((old) => isKept(name, old, layout)));
    const [old, layout] = [gone[0], added[0]];
    if (!old || !layout) continue;
    const source = declaredAt(layout.entry);
    const place = source ? ` (${source.file}:${source.line})` : "";
    if (accepted.has(name) || accepted.has(name.replace(/^\w+ /, ""))) {
      decisions.push(`${name}: ${firstDifference(old, layout)}`);
      continue;
    }
    const what = name.startsWith("variable ") ? "the type" : "the layout";
    throw new SutureError(
      "unsupported",
      `${path}: ${what} of ${name} differs${place}, and a running process has data of the old one: ${firstDifference(old, layout)}; --accept-layout where none has it`,
    );
  }
  return decisions;
}

/** An enumeration may get more names; those that it has keep their numbers. */
function isKept(name: string, old: Layout, layout: Layout): boolean {
  if (!name.startsWith("enum ")) return sameLayout(old, layout);
  return (
    old.size === layout.size &&
    old.members.every(({ name: member, at }) =>
      layout.members.some((other) => other.name === member && other.at === at),
    )
  );
}

const maxTypeText = 80;

/** The first member that differs, in words. */
function firstDifference(old: Layout, layout: Layout): string {
  // what follows a new enumerator has another number, and that is what matters
  const isEnumeration = layout.members.some(({ type }) => type === "enumerator");
  for (const { name, at } of isEnumeration ? layout.members : []) {
    const was = old.members.find((member) => member.name === name)?.at ?? at;
    if (was !== at) return `${name} was ${was} and is ${at}`;
  }
  for (const member of layout.members) {
    const was = old.members.find(({ name }) => name === member.name);
    const name = member.name === "" ? "it" : member.name;
    if (!was) {
      return `${name} is new, at ${member.at}${old.size === layout.size ? "" : `, and ${sizes(old, layout)}`}`;
    }
    if (was.type !== member.type) return `${name} was ${short(was.type)} and is ${short(member.type)}`;
    if (was.at !== member.at) return `${name} was at ${was.at} and is at ${member.at}`;
  }
  const gone = old.members.find(({ name }) => !layout.members.some((member) => member.name === name));
  if (gone) return `${gone.name} at ${gone.at} is gone`;
  return old.size === layout.size ? "its members have another order" : sizes(old, layout);
}

function sizes(old: Layout, layout: Layout): string {
  return `its size was ${old.size} and is ${layout.size} bytes`;
}

function short(text: string): string {
  return text.length <= maxTypeText ? text : `${text.slice(0, maxTypeText)}...`;
}
