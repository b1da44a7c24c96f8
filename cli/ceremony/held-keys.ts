import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { loadKey, loadOrCreateKey, readText, writeSecret } from "../key-files.ts";
import { openSigner } from "../signers/open.ts";

/** A key at hand: `root-2`, or `root-2.next` of the one that is to follow it. */
export type HeldKey = { name: string; signer: Signer };

/** A key lies in a folder as a file, `NAME.pem`, or as a word where it is instead, `NAME.signer.json`. */
const endings = [".pem", ".signer.json"] as const;
const Elsewhere = z.strictObject({ signer: z.string(), keyid: z.string() });

/** Every key that lies in the folder now, retired ones aside. A ceremony goes on with whichever are at hand. */
export async function heldKeys(directory: string): Promise<HeldKey[]> {
  const names = new Set(
    (await readdir(directory)).flatMap((file) => {
      const ending = endings.find((each) => file.endsWith(each));
      return ending === undefined ? [] : [file.slice(0, -ending.length)];
    }),
  );
  const current = [...names].filter((name) => !name.endsWith(".old")).sort();
  return await Promise.all(
    current.map(async (name) => ({ name, signer: (await heldKey(directory, name)) ?? (await lost(directory, name)) })),
  );
}

/** The key of that name; undefined where it is not here. */
export async function heldKey(directory: string, name: string): Promise<Signer | undefined> {
  const file = join(directory, `${name}.signer.json`);
  const text = await readText(file);
  if (text === undefined) {
    const pem = join(directory, `${name}.pem`);
    return (await readText(pem)) === undefined ? undefined : await loadKey(pem);
  }
  const known = parseJson(Elsewhere, text, file);
  const signer = await openSigner(known.signer);
  if (signer.key.keyid === known.keyid) return signer;
  throw new SutureError("invalid-request", `${known.signer} has another key now than when ${file} was written`);
}

/** As `heldKey`. @throws SutureError `not-found` where it is not here */
export async function requireKey(directory: string, name: string): Promise<Signer> {
  return (await heldKey(directory, name)) ?? (await lost(directory, name));
}

/**
 * The key of that name, made where it is not here yet: as a file, or with `--signer` as a word where it is. So a second run goes on
 * where a first one stopped.
 * @throws SutureError `conflict` where the name has another key already
 */
export async function heldOrNewKey(directory: string, name: string, uri: string | undefined): Promise<Signer> {
  const held = await heldKey(directory, name);
  if (uri === undefined) return held ?? (await loadOrCreateKey(join(directory, `${name}.pem`)));
  const signer = await openSigner(uri);
  if (held !== undefined && held.key.keyid !== signer.key.keyid)
    throw new SutureError("conflict", `${directory} has another key ${name} already`);
  const word = { signer: uri, keyid: signer.key.keyid };
  if (held === undefined) await writeSecret(join(directory, `${name}.signer.json`), `${JSON.stringify(word)}\n`);
  return signer;
}

/**
 * Puts each `NAME.next` that is in force now in the place of `NAME`, which is kept as `NAME.old`.
 * @param inForce ids of the keys that came into force
 * @returns the names whose key is new
 */
export async function promoteKeys(directory: string, inForce: ReadonlySet<string>): Promise<string[]> {
  const promoted: string[] = [];
  for (const { name, signer } of await heldKeys(directory)) {
    if (!name.endsWith(".next") || !inForce.has(signer.key.keyid)) continue;
    const plain = name.slice(0, -".next".length);
    // The old key first: cut off in between, the new one is still there as `.next`, and the next run ends it
    await moveKey(directory, plain, `${plain}.old`);
    await moveKey(directory, name, plain);
    promoted.push(plain);
  }
  return promoted;
}

async function moveKey(directory: string, from: string, to: string): Promise<void> {
  for (const ending of endings) {
    await rename(join(directory, from + ending), join(directory, to + ending)).catch((error: unknown) => {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    });
  }
}

async function lost(directory: string, name: string): Promise<never> {
  throw new SutureError("not-found", `There is no key ${join(directory, name)}.pem`);
}
