import { replaces } from "./replaces.ts";
import { parsePatchId } from "./wire/names.ts";
import type { Manifest } from "./wire/patch.ts";

/** A patch as far as it matters here. */
type Candidate = { id: string; manifest: Pick<Manifest, "supersedes" | "requires"> };

const channels = ["edge", "beta", "stable"];

/** Whether two ids are one patch, in one channel or in two. */
export function isSamePatch(one: string, other: string): boolean {
  return requirementKey(one) === requirementKey(other);
}

/** What `requires` names, with the vendor and the product that it means: `vendor/product/patch@version`. */
function requirementKey(id: string): string {
  const { vendor, product, patch, version } = parsePatchId(id);
  return `${vendor}/${product}/${patch}@${version}`;
}

/** Leaves one of each patch: none that another of them replaces, and of one in two channels the more settled. */
export function newest<P extends Candidate>(patches: readonly P[]): P[] {
  return patches.filter(
    (patch) =>
      !patches.some(
        (other) =>
          other.id !== patch.id &&
          (replaces(other, patch.id) || (isSamePatch(other.id, patch.id) && settled(other.id) > settled(patch.id))),
      ),
  );
}

/** Puts what a patch requires before it; what cannot be met waits. */
export function inRequiredOrder<P extends Candidate>(patches: readonly P[], present: readonly string[]) {
  const there = new Set(present.map(requirementKey));
  const ready: P[] = [];
  let waiting = [...patches];
  for (;;) {
    const next = waiting.filter(({ id, manifest }) => {
      const { vendor, product } = parsePatchId(id);
      return manifest.requires.every((name) => there.has(`${vendor}/${product}/${name}`));
    });
    if (next.length === 0) return { ready, waiting };
    ready.push(...next);
    for (const { id } of next) there.add(requirementKey(id));
    waiting = waiting.filter((patch) => !next.includes(patch));
  }
}

function settled(id: string): number {
  return channels.indexOf(parsePatchId(id).channel);
}
