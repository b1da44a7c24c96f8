import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readMetadata } from "../protocol/trust/edit.ts";
import type { Repository } from "./ceremony/repository.ts";
import type { BundleFile } from "./patch-folder.ts";

/**
 * Writes a role's signed update to `update.json` in a folder, in place of sending it: whoever is signed in at the portal hands it in,
 * and the keys were never there.
 */
export function updateWriter(folder: string, vendor: string): Repository["send"] {
  return async (role, update) => {
    await mkdir(folder, { recursive: true });
    const body = JSON.stringify({ repository: vendor, role, ...update }, null, 2);
    await writeFile(join(folder, "update.json"), `${body}\n`);
    return { role, version: readMetadata("targets", update.text).signed.version };
  };
}

/** Writes bundles as they are stored, by their SHA-256; answers how many. */
export async function writeBundles(folder: string, bundles: readonly BundleFile[]): Promise<number> {
  const directory = join(folder, "bundles");
  await mkdir(directory, { recursive: true });
  for (const { sha256, bytes } of bundles) await writeFile(join(directory, sha256), bytes);
  return bundles.length;
}
