import { parsePatchId } from "./wire/names.ts";
import type { Manifest } from "./wire/patch.ts";

/**
 * Whether a patch takes the place of the one with the id `other`: a newer version of it, or one that its manifest names. Pure:
 * service and agent ask the same question and get the same answer.
 */
export function replaces(
  { id, manifest }: { id: string; manifest: Pick<Manifest, "supersedes"> },
  other: string,
): boolean {
  const [own, old] = [parsePatchId(id), parsePatchId(other)];
  if (old.vendor !== own.vendor || old.product !== own.product) return false;
  if (old.patch === own.patch) return own.version > old.version;
  return manifest.supersedes.includes(`${old.patch}@${old.version}`);
}
