import { z } from "zod";
import { Name, PatchPath, Sha256 } from "./names.ts";
import { Envelope, Subject, statementType } from "./statement.ts";

/** The type of a publication's predicate (docs/statements.md). */
export const publicationType = "urn:suture:publication:v1";
const provenanceTypes = ["https://slsa.dev/provenance/v1", "https://slsa.dev/provenance/v0.2"] as const;

/** Somebody else's statement that goes with a publication, and the key that the vendor says it is signed by. */
const Attached = z.strictObject({
  /** SHA-256 of the envelope's payload, in hexadecimal */
  sha256: Sha256,
  /** the builder's public key, in PEM */
  key: z.string().max(2000),
});

/** What a vendor says when it publishes a patch: an in-toto statement about the manifest, its bundles and their payloads. */
export const PublicationStatement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.array(z.strictObject({ name: z.string().max(300), digest: z.strictObject({ sha256: Sha256 }) })).min(1),
  predicateType: z.literal(publicationType),
  predicate: z.strictObject({
    vendor: Name,
    patch: PatchPath,
    at: z.iso.datetime(),
    provenance: z.array(Attached).max(16),
  }),
});
export type PublicationStatement = z.infer<typeof PublicationStatement>;

/** A publication as it travels and is kept: the vendor's statement, and the provenance that it names, in that order. */
export const Publication = z.strictObject({ statement: Envelope, provenance: z.array(Envelope).max(16) });
export type Publication = z.infer<typeof Publication>;

/**
 * SLSA's provenance, as far as it is read here: who built what, how.
 * @see https://slsa.dev/spec/v1.0/provenance
 */
export const ProvenanceStatement = z.object({
  _type: z.enum([statementType, "https://in-toto.io/Statement/v0.1"]),
  subject: z.array(Subject).min(1).max(1000),
  predicateType: z.enum(provenanceTypes),
  predicate: z.object({
    buildType: z.string().max(2000).optional(),
    builder: z.object({ id: z.string().max(2000) }).optional(),
    buildDefinition: z.object({ buildType: z.string().max(2000) }).optional(),
    runDetails: z.object({ builder: z.object({ id: z.string().max(2000) }) }).optional(),
  }),
});
export type ProvenanceStatement = z.infer<typeof ProvenanceStatement>;

/** `GET /v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/publication` */
export const PublicationView = z.object({
  statement: Envelope,
  at: z.string().describe("When the vendor says that it published"),
  keys: z.array(z.string()).describe("The public keys of the channel's role now, in PEM; so many must have signed:"),
  threshold: z.number().int(),
  provenance: z.array(
    z.object({
      envelope: Envelope,
      key: z.string().describe("The builder's public key, which the vendor's statement names"),
      builder: z.string(),
      buildType: z.string(),
      subjects: z.array(z.string()).describe("What of this patch it is about: digests of payloads or bundles"),
    }),
  ),
});
export type PublicationView = z.infer<typeof PublicationView>;
