import { readdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Signer } from "../../protocol/trust/signer.ts";
import { loadKey } from "../key-files.ts";

/** A private key of a vendor's folder: `root-2` of `root-2.pem`, or `root-2.next` of the one that is to follow it. */
export type HeldKey = { name: string; signer: Signer };

/** Every private key that lies in the folder now, retired ones aside. A ceremony goes on with whichever are at hand. */
export async function heldKeys(directory: string): Promise<HeldKey[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".pem") && !name.endsWith(".old.pem")).sort();
  return await Promise.all(
    names.map(async (name) => ({ name: basename(name, ".pem"), signer: await loadKey(join(directory, name)) })),
  );
}

/**
 * Puts each `NAME.next.pem` that is in force now in the place of `NAME.pem`, which is kept as `NAME.old.pem`.
 * @param inForce ids of the keys that the accepted metadata names
 * @returns the names whose key is new
 */
export async function promoteKeys(directory: string, inForce: ReadonlySet<string>): Promise<string[]> {
  const promoted: string[] = [];
  for (const { name, signer } of await heldKeys(directory)) {
    if (!name.endsWith(".next") || !inForce.has(signer.key.keyid)) continue;
    const plain = name.slice(0, -".next".length);
    const at = (suffix: string) => join(directory, `${plain}${suffix}.pem`);
    // The old key first: cut off in between, the new one is still there as `.next`, and the next run ends it
    await rename(at(""), at(".old")).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    });
    await rename(at(".next"), at(""));
    promoted.push(plain);
  }
  return promoted;
}
