import { z } from "zod";

/** The media type of in-toto's statements as an envelope's payload. */
export const statementPayloadType = "application/vnd.in-toto+json";
/** in-toto Attestation Framework v1, "Statement". */
export const statementType = "https://in-toto.io/Statement/v1";

/** Both of base64's alphabets: DSSE lets whoever signs choose. */
const Base64 = z.string().regex(/^[A-Za-z0-9+/_-]*={0,2}$/, "base64");

/**
 * A signed statement as auditors' tools read it: DSSE's envelope.
 * @see https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md
 */
export const Envelope = z.object({
  payloadType: z.string().max(200),
  payload: Base64.max(1_400_000),
  signatures: z
    .array(z.object({ keyid: z.string().max(200).optional(), sig: Base64.min(1).max(1400) }))
    .min(1)
    .max(16),
});
export type Envelope = z.infer<typeof Envelope>;

/** What a statement is about: names with digests, whichever algorithms they are by. */
export const Subject = z.object({
  name: z.string().max(2000).optional(),
  digest: z.record(z.string().max(40), z.string().max(256)),
});
