import type { Key } from "@tufjs/models";
import { SutureError } from "../errors.ts";

/**
 * Refuses one public key under two ids: it would count twice towards a threshold, since key ids are not recomputed.
 * @throws SutureError `untrusted-metadata`
 */
export function refuseSharedKeys(keys: Readonly<Record<string, Key>>): void {
  const ids = new Map<string, string>();
  for (const [id, key] of Object.entries(keys)) {
    const text = (key.keyVal.public ?? "").replace(/\s+/g, "");
    const other = ids.get(text);
    if (other !== undefined)
      throw new SutureError("untrusted-metadata", `One key stands under two ids, ${other} and ${id}`);
    ids.set(text, id);
  }
}
