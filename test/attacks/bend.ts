import { canonicalize } from "@tufjs/canonical-json";
import { digestOf } from "../../protocol/trust/edit.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import type { TestRepository } from "../support/agent/tuf.ts";

type Files = Map<string, Uint8Array>;
/** The signed part of metadata as JSON: a thief is bound to no type. */
type Signed = Record<string, unknown> & { version: number; expires: string };
type Meta = Record<string, { version: number; length: number; hashes: { sha256: string } }>;

/** What a public file of a repository says, signatures aside. */
export function readSigned(files: Files, name: string): Signed {
  return JSON.parse(Buffer.from(files.get(name) ?? "").toString("utf8")).signed;
}

/** Puts a file there that says `signed`, under the signatures of whoever is at hand. */
export async function putSigned(
  files: Files,
  name: string,
  signed: Signed,
  signers: readonly (Signer & { as?: string })[],
): Promise<void> {
  const bytes = Buffer.from(canonicalize(signed));
  const signatures = await Promise.all(
    signers.map(async (signer) => ({
      keyid: signer.as ?? signer.key.keyid,
      sig: Buffer.from(await signer.sign(bytes)).toString("hex"),
    })),
  );
  files.set(name, Buffer.from(JSON.stringify({ signatures, signed })));
}

/** Says something else in a public file and signs it anew. */
export async function bend(
  files: Files,
  name: string,
  change: (signed: Signed) => void,
  signers: readonly Signer[],
): Promise<void> {
  const signed = readSigned(files, name);
  change(signed);
  await putSigned(files, name, signed, signers);
}

/** Makes the files of these roles the newest that snapshot and timestamp name, as who holds both online keys can. */
export async function consent(
  files: Files,
  repository: string,
  { signers }: TestRepository,
  roles: Readonly<Record<string, number>>,
): Promise<void> {
  const at = (name: string) => `${repository}/${name}`;
  const metaOf = (version: number, name: string) => {
    const { sha256, length } = digestOf(files.get(at(name)) ?? Buffer.alloc(0));
    return { version, length, hashes: { sha256 } };
  };
  const timestamp = readSigned(files, at("timestamp.json"));
  const before = (timestamp.meta as Meta)["snapshot.json"]?.version ?? 0;
  const snapshot = readSigned(files, at(`${before}.snapshot.json`));
  const named = Object.entries(roles).map(([role, version]) => [
    `${role}.json`,
    metaOf(version, `${version}.${role}.json`),
  ]);
  const version = before + 1;
  const meta = { ...(snapshot.meta as Meta), ...Object.fromEntries(named) };
  await putSigned(files, at(`${version}.snapshot.json`), { ...snapshot, version, meta }, [signers.snapshot]);
  const newest = { "snapshot.json": metaOf(version, `${version}.snapshot.json`) };
  await putSigned(files, at("timestamp.json"), { ...timestamp, version: timestamp.version + 1, meta: newest }, [
    signers.timestamp,
  ]);
}
