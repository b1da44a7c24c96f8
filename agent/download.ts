import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { isSutureError, SutureError } from "../protocol/errors.ts";
import { digestOf } from "../protocol/trust/edit.ts";
import type { Variant } from "../protocol/wire/patch.ts";
import type { Service } from "./service.ts";

const decompress = promisify(zstdDecompress);

/**
 * A variant's payload, verified twice: the bundle before it is decompressed, the payload after.
 * @param url where the service lets this machine read the bundle
 * @throws SutureError `bundle-mismatch` for other bytes than were signed, or what the download throws
 */
export async function downloadPayload(
  service: Pick<Service, "download">,
  url: string,
  { bundle }: Variant,
): Promise<Uint8Array> {
  const bytes = await fetchBundle(service, url, bundle.size);
  const { sha256, length } = digestOf(bytes);
  if (length !== bundle.size || sha256 !== bundle.sha256)
    throw mismatch(`the bundle's SHA-256 is ${sha256}, not ${bundle.sha256}`);
  const payload = await unpack(bytes, bundle.payload.size);
  const unpacked = digestOf(payload);
  if (unpacked.length !== bundle.payload.size || unpacked.sha256 !== bundle.payload.sha256) {
    throw mismatch(`the payload's SHA-256 is ${unpacked.sha256}, not ${bundle.payload.sha256}`);
  }
  return payload;
}

async function fetchBundle(service: Pick<Service, "download">, url: string, size: number): Promise<Uint8Array> {
  try {
    return await service.download(url, size);
  } catch (error) {
    throw isSutureError(error, "too-large")
      ? mismatch(`the bundle is longer than the ${size} bytes that were signed`)
      : error;
  }
}

async function unpack(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await decompress(bytes, { maxOutputLength: size });
  } catch (cause) {
    throw mismatch(`the bundle does not decompress to ${size} bytes`, cause);
  }
}

function mismatch(why: string, cause?: unknown): SutureError {
  return new SutureError("bundle-mismatch", `The download is refused: ${why}`, { cause });
}
