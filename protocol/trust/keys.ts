import { createPublicKey } from "node:crypto";
import type { Key } from "@tufjs/models";
import { SutureError } from "../errors.ts";

/**
 * Refuses one public key under two ids: it would count twice towards a threshold, since key ids are not recomputed. Keys are compared
 * as what they are and not as what is written: one key has many spellings (line ends, a compressed point).
 * @throws SutureError `untrusted-metadata`
 */
export function refuseSharedKeys(keys: Readonly<Record<string, Key>>): void {
  const ids = new Map<string, string>();
  for (const [id, key] of Object.entries(keys)) {
    const identity = identityOf(key.keyVal.public ?? "");
    const other = ids.get(identity);
    if (other !== undefined)
      throw new SutureError("untrusted-metadata", `One key stands under two ids, ${other} and ${id}`);
    ids.set(identity, id);
  }
}

function identityOf(text: string): string {
  try {
    const { x, y, n } = createPublicKey(text).export({ format: "jwk" });
    return [x, y, n].join();
  } catch {
    // No PEM: TUF's other spelling is hexadecimal, in which case says nothing
    return text.replace(/\s+/g, "").toLowerCase();
  }
}
