import { createHash, type KeyObject } from "node:crypto";
import { SutureError } from "../errors.ts";
import { patchPath } from "../wire/names.ts";
import type { Manifest } from "../wire/patch.ts";
import { ProvenanceStatement, type Publication, PublicationStatement, publicationType } from "../wire/publication.ts";
import { type Envelope, statementType } from "../wire/statement.ts";
import { envelopeKey, verifyEnvelope } from "./dsse.ts";
import { digestOf } from "./edit.ts";

/** Provenance as a vendor attaches it: the envelope, and the public key, in PEM, of who made it. */
export type AttachedProvenance = { envelope: Envelope; key: string };
/** Provenance that was verified: who built, how, and which of the patch's digests it is about. */
export type VerifiedProvenance = { key: string; builder: string; buildType: string; subjects: string[] };

/**
 * What a vendor says when it publishes a patch, unsigned.
 * @param text the manifest's, byte for byte
 * @param at when, in milliseconds since the epoch
 */
export function publicationOf(
  vendor: string,
  { manifest, text }: { manifest: Manifest; text: string },
  provenance: readonly AttachedProvenance[],
  at: number,
): PublicationStatement {
  const path = patchPath(manifest);
  const parts = manifest.variants.flatMap(({ bundle }) => [
    { name: "bundle", digest: { sha256: bundle.sha256 } },
    { name: "payload", digest: { sha256: bundle.payload.sha256 } },
  ]);
  return {
    _type: statementType,
    subject: [{ name: `${path}.json`, digest: { sha256: digestOf(Buffer.from(text)).sha256 } }, ...parts],
    predicateType: publicationType,
    predicate: {
      vendor,
      patch: path,
      at: new Date(at).toISOString(),
      provenance: provenance.map(({ envelope, key }) => ({ sha256: payloadDigest(envelope), key })),
    },
  };
}

/**
 * Verifies a publication: signed by the keys that publish, about this very manifest and all of its bundles, with provenance that is
 * signed by the keys that it names and is about this patch.
 * @throws SutureError `bad-signature`; `invalid-patch` for one that does not fit the patch; `invalid-request`
 */
export function verifyPublication(
  { statement: envelope, provenance }: Publication,
  { vendor, manifest, text }: { vendor: string; manifest: Manifest; text: string },
  wanted: { keys: readonly KeyObject[]; threshold: number },
): { at: string; provenance: VerifiedProvenance[] } {
  const { subject, predicate } = verifyEnvelope(envelope, wanted, PublicationStatement);
  const expected = publicationOf(vendor, { manifest, text }, [], 0);
  const digestsOf = (all: PublicationStatement["subject"]) => all.map(({ digest }) => digest.sha256).join();
  if (predicate.vendor !== vendor || predicate.patch !== expected.predicate.patch)
    throw new SutureError("invalid-patch", `The statement is about ${predicate.vendor}/${predicate.patch}`);
  if (digestsOf(subject) !== digestsOf(expected.subject))
    throw new SutureError(
      "invalid-patch",
      `The statement is not about this manifest of ${predicate.patch} and its bundles`,
    );
  if (provenance.length !== predicate.provenance.length)
    throw new SutureError("invalid-patch", `The statement of ${predicate.patch} names other provenance than was sent`);
  const verified = provenance.map((each, at) => {
    const { sha256 = "", key = "" } = predicate.provenance[at] ?? {};
    if (payloadDigest(each) !== sha256)
      throw new SutureError("invalid-patch", `Provenance ${at + 1} is not the one that ${predicate.patch} names`);
    return verifyProvenance({ envelope: each, key }, manifest);
  });
  return { at: predicate.at, provenance: verified };
}

/**
 * Verifies SLSA provenance: signed by the key that goes with it, and about a payload or a bundle of the patch.
 * @throws SutureError `bad-signature`, `invalid-patch`, `invalid-request`
 */
export function verifyProvenance({ envelope, key }: AttachedProvenance, manifest: Manifest): VerifiedProvenance {
  const { subject, predicate } = verifyEnvelope(envelope, { keys: [envelopeKey(key)] }, ProvenanceStatement);
  const own = new Set(manifest.variants.flatMap(({ bundle }) => [bundle.sha256, bundle.payload.sha256]));
  const subjects = subject.flatMap(({ digest }) => (own.has(digest.sha256 ?? "") ? [digest.sha256 ?? ""] : []));
  if (subjects.length === 0)
    throw new SutureError("invalid-patch", "The provenance is about none of the patch's payloads and bundles");
  const builder = predicate.runDetails?.builder.id ?? predicate.builder?.id;
  const buildType = predicate.buildDefinition?.buildType ?? predicate.buildType;
  if (builder === undefined || buildType === undefined)
    throw new SutureError("invalid-patch", "The provenance does not say who built, or how");
  return { key, builder, buildType, subjects };
}

/** By what is signed, so that signatures may be added to the envelope. */
function payloadDigest({ payload }: Envelope): string {
  return createHash("sha256").update(Buffer.from(payload, "base64")).digest("hex");
}
