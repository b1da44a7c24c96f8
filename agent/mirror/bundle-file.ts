import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import {
  BundleIndex,
  blobName,
  bundleIndexName,
  readTarHeader,
  tarBlock,
  tarPadding,
} from "../../protocol/bundle-file.ts";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { isSystemError } from "../system/proc.ts";
import type { Source } from "./source.ts";

const maxIndex = 16 * 1024 * 1024;
const maxEntries = 100_000;

type Blob = { at: number; size: number };

/**
 * Opens a file that was carried by hand. It is read where it lies, never unpacked. `close` when done.
 * @throws SutureError `invalid-request` for what is no bundle file
 */
export async function openBundleFile(path: string): Promise<Source & { close(): Promise<void> }> {
  // without waiting: of a FIFO nobody may ever write to, the kind is told below
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
  const file = await open(path, flags).catch((cause: unknown) => {
    if (isSystemError(cause, "ENOENT")) throw new SutureError("invalid-request", `There is no file ${path}`, { cause });
    throw cause;
  });
  try {
    if (!(await file.stat()).isFile())
      throw new SutureError("invalid-request", `${path} is not a regular file: a bundle file is read where it lies`);
    const blobs = await findBlobs(file);
    const first = blobs.get(bundleIndexName);
    if (first === undefined || first.size > maxIndex)
      throw new SutureError("invalid-request", `${path} is no bundle file: it has no index`);
    const index = parseJson(BundleIndex, (await bytesAt(file, first)).toString("utf8"), path);
    return {
      location: path,
      async read(name, maxBytes) {
        const entry = Object.hasOwn(index.files, name) ? index.files[name] : undefined;
        const blob = entry && blobs.get(blobName(entry.sha256));
        if (blob === undefined) return undefined;
        if (blob.size > maxBytes) throw new SutureError("too-large", `${name} is longer than ${maxBytes} bytes`);
        return await bytesAt(file, blob);
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function findBlobs(file: FileHandle): Promise<Map<string, Blob>> {
  const { size: length } = await file.stat();
  const blobs = new Map<string, Blob>();
  let at = 0;
  while (at + tarBlock <= length && blobs.size < maxEntries) {
    const header = readTarHeader(await bytesAt(file, { at, size: tarBlock }));
    if (header === undefined) return blobs;
    const { name, size } = header;
    at += tarBlock;
    if (size > length - at) break;
    blobs.set(name, { at, size });
    at += size + tarPadding(size);
  }
  throw new SutureError("invalid-request", "The bundle file is cut off");
}

async function bytesAt(file: FileHandle, { at, size }: Blob): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const { bytesRead } = await file.read(bytes, 0, size, at);
  if (bytesRead < size) throw new SutureError("invalid-request", "The bundle file is cut off");
  return bytes;
}
