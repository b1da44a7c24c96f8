import { zstdCompressSync, zstdDecompressSync } from "node:zlib";

/**
 * Data as one short text: JSON, compressed, in base64. A write is billed by the kilobyte, and what a machine says of itself is mostly
 * paths that are alike.
 */
export function pack(value: object): string {
  return zstdCompressSync(JSON.stringify(value)).toString("base64");
}

/** The inverse of `pack`; takes plain JSON too, which is how such data was kept before. */
export function unpack(text: string): unknown {
  return JSON.parse(text.startsWith("{") ? text : zstdDecompressSync(Buffer.from(text, "base64")).toString("utf8"));
}
