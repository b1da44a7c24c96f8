import {
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { describeError, SutureError } from "../../../protocol/errors.ts";
import { type Blobs, type ByteRange, checkKey, type WriteCondition } from "./blobs.ts";

/** S3's words for a condition that did not hold: two writers at once, another etag, nothing there to match. */
const conditionFailures = new Set(["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NotFound"]);
const absences = new Set(["NoSuchKey", "NotFound"]);

/**
 * Blobs in one S3 bucket, which must refuse public access.
 * @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export function s3Blobs(bucket: string, config: S3ClientConfig): Blobs {
  // The default adds a CRC32 to every signed upload, which its client would have to compute too.
  const client = new S3Client({ ...config, requestChecksumCalculation: "WHEN_REQUIRED" });
  const at = (key: string) => {
    checkKey(key);
    return { Bucket: bucket, Key: key };
  };

  async function getObject(key: string, range?: ByteRange) {
    const Range = range && `bytes=${range.start}-${range.end - 1}`;
    const object = await orAbsent(client.send(new GetObjectCommand({ ...at(key), Range })));
    if (object && !object.Body) throw new SutureError("unavailable", `S3 gave no body for ${key}`);
    return object?.Body && { ...object, Body: object.Body };
  }

  return {
    async get(key) {
      const object = await getObject(key);
      return object && { bytes: await object.Body.transformToByteArray(), etag: object.ETag ?? "" };
    },

    async put(key, bytes, condition) {
      const command = new PutObjectCommand({
        ...at(key),
        ...typeOf(key),
        ...conditionHeaders(condition),
        Body: bytes,
        // A bucket with object lock takes nothing without one
        ChecksumAlgorithm: "SHA256",
      });
      try {
        return { etag: (await client.send(command)).ETag ?? "" };
      } catch (cause) {
        if (!hasName(cause, conditionFailures)) throw unavailable(cause);
        throw new SutureError("conflict", `${key} is not as it was thought to be`, { cause });
      }
    },

    async stat(key) {
      const head = await orAbsent(client.send(new HeadObjectCommand(at(key))));
      return head && { size: head.ContentLength ?? 0, etag: head.ETag ?? "" };
    },

    async open(key, range) {
      const object = await getObject(key, range);
      const size = object?.ContentRange?.split("/").at(-1) ?? object?.ContentLength ?? 0;
      return object && { size: Number(size), etag: object.ETag ?? "", stream: object.Body.transformToWebStream() };
    },

    async presignPut(key, { sha256, size, expiresInSeconds }) {
      const checksum = Buffer.from(sha256, "hex").toString("base64");
      const command = new PutObjectCommand({
        ...at(key),
        ContentLength: size,
        ChecksumSHA256: checksum,
        IfNoneMatch: "*",
      });
      const url = await getSignedUrl(client, command, {
        expiresIn: expiresInSeconds,
        // In the query S3 would take the checksum for granted instead of checking it.
        unhoistableHeaders: new Set(["x-amz-checksum-sha256"]),
      });
      return { url, method: "PUT", headers: { "x-amz-checksum-sha256": checksum, "if-none-match": "*" } };
    },

    async presignGet(key, { expiresInSeconds }) {
      return getSignedUrl(client, new GetObjectCommand(at(key)), { expiresIn: expiresInSeconds });
    },
  };
}

function conditionHeaders(condition: WriteCondition | undefined) {
  if (!condition) return {};
  return "ifAbsent" in condition ? { IfNoneMatch: "*" } : { IfMatch: condition.ifMatch };
}

/** Metadata is read by browsers and through a CDN, which compresses what it knows as text. */
function typeOf(key: string) {
  return { ContentType: key.endsWith(".json") ? "application/json" : "application/octet-stream" };
}

async function orAbsent<T>(request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (hasName(error, absences)) return undefined;
    throw unavailable(error);
  }
}

function hasName(error: unknown, names: ReadonlySet<string>): boolean {
  return error instanceof S3ServiceException && names.has(error.name);
}

function unavailable(cause: unknown): Error {
  return new SutureError("unavailable", `S3 did not answer as expected: ${describeError(cause)}`, { cause });
}
