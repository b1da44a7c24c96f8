import { readFile } from "node:fs/promises";
import { SutureError } from "../protocol/errors.ts";
import { envelopeKey, readEnvelope, unsignedEnvelope } from "../protocol/trust/dsse.ts";
import { type AttachedProvenance, publicationOf, verifyProvenance } from "../protocol/trust/publication.ts";
import type { Manifest } from "../protocol/wire/patch.ts";
import type { Publication } from "../protocol/wire/publication.ts";

/**
 * Reads SLSA provenance to go with a patch: files with a DSSE envelope each, or with one a line (`.jsonl`).
 * @param keys files with the public keys of who made it: one for all, or one for each
 * @throws SutureError `invalid-request`; `bad-signature` or `invalid-patch` for one that does not fit the patch
 */
export async function readProvenance(
  files: readonly string[],
  keys: readonly string[],
  manifest: Manifest,
): Promise<AttachedProvenance[]> {
  if (files.length === 0) return [];
  const pems = await Promise.all(keys.map((file) => readFile(file, "utf8")));
  const all: AttachedProvenance[] = [];
  for (const [at, file] of files.entries()) {
    const key = pems[pems.length === 1 ? 0 : at];
    if (key === undefined || (pems.length > 1 && pems.length !== files.length))
      throw new SutureError(
        "invalid-request",
        "Say with --provenance-key whose key signed: one for all, or one for each",
      );
    const pem = envelopeKey(key).export({ type: "spki", format: "pem" }).toString();
    const text = await readFile(file, "utf8");
    const envelopes = file.endsWith(".jsonl") ? text.split("\n").filter((line) => line.trim() !== "") : [text];
    all.push(...envelopes.map((each) => ({ envelope: readEnvelope(each, file), key: pem })));
  }
  for (const each of all) verifyProvenance(each, manifest);
  return all;
}

/** The vendor's statement of a patch, not signed yet, with its provenance. */
export function newPublication(
  vendor: string,
  patch: { manifest: Manifest; text: string },
  provenance: readonly AttachedProvenance[],
  now: Date,
): Publication {
  const statement = publicationOf(vendor, patch, provenance, now.getTime());
  return { statement: unsignedEnvelope(statement), provenance: provenance.map(({ envelope }) => envelope) };
}
