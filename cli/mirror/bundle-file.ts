import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import {
  type BundleIndex,
  blobName,
  bundleIndexName,
  tarBlock,
  tarHeader,
  tarPadding,
} from "../../protocol/bundle-file.ts";
import type { MirrorFolder } from "./folder.ts";

/**
 * Packs a mirror's folder into one file, which stands under its name once it is whole.
 * @returns how many files it holds, and its length in bytes
 */
export async function writeBundleFile(
  folder: MirrorFolder,
  path: string,
  now: Date,
): Promise<{ files: number; bytes: number }> {
  const index: BundleIndex = { bundle: 1, createdAt: now.toISOString(), files: {} };
  const blobs = new Map<string, string>();
  const paths = (await Promise.all(["tuf", "offline", "bundles"].map((below) => folder.list(below)))).flat().sort();
  for (const each of paths) {
    const file = join(folder.root, each);
    const { size } = await stat(file);
    const sha256 = await digestOfFile(file);
    index.files[each] = { sha256, size };
    blobs.set(sha256, file);
  }
  const staged = `${path}.part`;
  const out = await open(staged, "w", 0o600);
  let bytes = 0;
  const write = async (chunk: Uint8Array) => {
    await out.write(chunk);
    bytes += chunk.length;
  };
  try {
    const text = Buffer.from(JSON.stringify(index));
    await write(tarHeader(bundleIndexName, text.length));
    await write(Buffer.concat([text, Buffer.alloc(tarPadding(text.length))]));
    for (const [sha256, file] of blobs) {
      const { size } = await stat(file);
      await write(tarHeader(blobName(sha256), size));
      for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) await write(chunk);
      await write(Buffer.alloc(tarPadding(size)));
    }
    await write(Buffer.alloc(2 * tarBlock));
    await out.sync();
  } catch (error) {
    await rm(staged, { force: true });
    throw error;
  } finally {
    await out.close();
  }
  await rename(staged, path);
  return { files: paths.length, bytes };
}

async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest("hex");
}
