import { SutureError } from "../../../protocol/errors.ts";

/** What a blob is without its bytes; `etag` changes with the bytes and means nothing else. */
type BlobStat = { size: number; etag: string };
/** The bytes from `start` up to but not including `end`, which is larger. */
export type ByteRange = { start: number; end: number };
/** A blob must be absent, or be the one that was read. */
export type WriteCondition = { ifAbsent: true } | { ifMatch: string };
/** What a client must send, exactly so and with a `content-length`, for its upload to be taken. */
type SignedUpload = { url: string; method: "PUT"; headers: Record<string, string> };

/**
 * Bytes by key, such as `bundles/<sha256>` or `tuf/acme/3.targets.json`. A write is whole or not at all, and is read by everyone as
 * soon as it returns. Every method throws `invalid-request` for a key that `checkKey` refuses and `unavailable` when the store does
 * not answer.
 */
export interface Blobs {
  /** A small blob's bytes; undefined when there is none. */
  get(key: string): Promise<{ bytes: Uint8Array; etag: string } | undefined>;
  /** Throws `conflict` when the condition does not hold. */
  put(key: string, bytes: Uint8Array, condition?: WriteCondition): Promise<{ etag: string }>;
  stat(key: string): Promise<BlobStat | undefined>;
  /** A blob of any size, or a part of it; `size` is the whole blob's. Undefined when there is none. */
  open(key: string, range?: ByteRange): Promise<(BlobStat & { stream: ReadableStream<Uint8Array> }) | undefined>;
  /** Lets whoever holds it upload these very bytes, once, where nothing is yet. */
  presignPut(key: string, content: { sha256: string; size: number; expiresInSeconds: number }): Promise<SignedUpload>;
  /** Lets whoever holds it read the blob until it expires. */
  presignGet(key: string, options: { expiresInSeconds: number }): Promise<string>;
}

/** Segments of letters, digits and `._@-` that begin with none of the dots that a file system or a URL would read as a way. */
const keyPattern = /^[A-Za-z0-9_@-][A-Za-z0-9._@-]*(?:\/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*$/;

/** Throws `invalid-request` for a key that could mean anything but itself. */
export function checkKey(key: string): void {
  if (key.length <= 512 && keyPattern.test(key)) return;
  throw new SutureError("invalid-request", `${JSON.stringify(key.slice(0, 80))} cannot be the key of a blob`);
}
