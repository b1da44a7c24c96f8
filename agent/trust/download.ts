import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import type { Variant } from "../../protocol/wire/patch.ts";
import type { Service } from "../round/service.ts";

const decompress = promisify(zstdDecompress);

/**
 * A variant's payload, verified twice: the bundle before it is decompressed, the payload after. A mirror's copy is as good as the
 * service's; one that is not what was signed is left for that.
 * @param url where the service lets this machine read the bundle; undefined where it said nothing
 * @throws SutureError `bundle-mismatch` for other bytes than were signed, `missing-blob` where the service has none, `unavailable`, or what
 *   the download throws
 */
export async function downloadPayload(
  service: Pick<Service, "download" | "mirroredBundle">,
  url: string | undefined,
  { bundle }: Variant,
): Promise<Uint8Array> {
  const copy = await service.mirroredBundle(bundle.sha256, bundle.size);
  const isGood = copy !== undefined && whyNot(copy, bundle) === undefined;
  if (!isGood && copy === undefined && url === undefined)
    throw new SutureError("unavailable", `There is no address for bundle ${bundle.sha256}`);
  const bytes = isGood || url === undefined ? (copy ?? Buffer.alloc(0)) : await fetchBundle(service, url, bundle.size);
  const wrong = whyNot(bytes, bundle);
  if (wrong !== undefined) throw mismatch(wrong);
  const payload = await unpack(bytes, bundle.payload.size);
  const unpacked = digestOf(payload);
  if (unpacked.length !== bundle.payload.size || unpacked.sha256 !== bundle.payload.sha256) {
    throw mismatch(`the payload's SHA-256 is ${unpacked.sha256}, not ${bundle.payload.sha256}`);
  }
  return payload;
}

function whyNot(bytes: Uint8Array, bundle: Variant["bundle"]): string | undefined {
  const { sha256, length } = digestOf(bytes);
  const isThat = length === bundle.size && sha256 === bundle.sha256;
  return isThat ? undefined : `the bundle's SHA-256 is ${sha256}, not ${bundle.sha256}`;
}

async function fetchBundle(service: Pick<Service, "download">, url: string, size: number): Promise<Uint8Array> {
  try {
    return await service.download(url, size);
  } catch (error) {
    if (isSutureError(error, "too-large"))
      throw mismatch(`the bundle is longer than the ${size} bytes that were signed`);
    if (isSutureError(error) && isGone(error))
      throw new SutureError("missing-blob", "The service has no such bundle: this is no fault of this host", {
        cause: error,
      });
    throw error;
  }
}

/** Whether the service was reached and has no such file, which is another thing than a service that is away. */
function isGone({ code, data }: SutureError): boolean {
  return code === "not-found" || data.httpStatus === 404 || data.httpStatus === 410;
}

async function unpack(bytes: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await decompress(bytes, { maxOutputLength: size });
  } catch (cause) {
    throw mismatch(`the bundle does not decompress to ${size} bytes`, cause);
  }
}

function mismatch(why: string, cause?: unknown): SutureError {
  return new SutureError(
    "bundle-mismatch",
    `The service's copy of the bundle cannot be used, which is no fault of this host: ${why}`,
    { cause },
  );
}
