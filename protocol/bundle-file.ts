import { z } from "zod";
import { SutureError } from "./errors.ts";
import { Sha256 } from "./wire/names.ts";

/**
 * A mirror in one file, to be carried by hand: a tar archive (POSIX.1-1988 ustar) that begins with `index.json`, which names each of
 * the mirror's files by its path, and goes on with their bytes, each under its SHA-256. `tar tf` lists it; nothing ever unpacks it, so
 * that no path in it leads anywhere.
 */
export const bundleIndexName = "index.json";
export const blobName = (sha256: string) => `blobs/${sha256}`;
export const BundleIndex = z.strictObject({
  bundle: z.literal(1),
  createdAt: z.iso.datetime(),
  files: z.record(z.string().max(512), z.strictObject({ sha256: Sha256, size: z.number().int().min(0) })),
});
export type BundleIndex = z.infer<typeof BundleIndex>;

export const tarBlock = 512;

/** The header of a file in an archive. The name must be short, as those here are. */
export function tarHeader(name: string, size: number): Uint8Array {
  const header = Buffer.alloc(tarBlock);
  const octal = (value: number, length: number) => `${value.toString(8).padStart(length - 1, "0")}\0`;
  header.write(name, 0, 100, "ascii");
  header.write(octal(0o644, 8), 100);
  header.write(`${octal(0, 8)}${octal(0, 8)}`, 108);
  header.write(`${octal(size, 12)}${octal(0, 12)}`, 124);
  header.write(`${" ".repeat(8)}0`, 148);
  header.write("ustar\x0000", 257);
  header.write(`${checksum(header).toString(8).padStart(6, "0")}\0 `, 148);
  return header;
}

/** How many bytes fill the last block of a file. */
export function tarPadding(size: number): number {
  return (tarBlock - (size % tarBlock)) % tarBlock;
}

/**
 * Reads a header; undefined at the archive's end.
 * @throws SutureError `invalid-request` for anything but a plain file's
 */
export function readTarHeader(block: Uint8Array): { name: string; size: number } | undefined {
  const header = Buffer.from(block);
  if (header.every((byte) => byte === 0)) return undefined;
  const field = (from: number, length: number) =>
    header.toString("latin1", from, from + length).replace(/[\0 ].*$/s, "");
  const octal = (from: number, length: number) => {
    const digits = field(from, length);
    return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
  };
  const size = octal(124, 12);
  const isFile = header.length === tarBlock && field(257, 5) === "ustar" && header.toString("latin1", 156, 157) === "0";
  if (!isFile || !Number.isSafeInteger(size) || octal(148, 8) !== checksum(header))
    throw new SutureError("invalid-request", "This is no bundle file, or it is damaged");
  return { name: field(0, 100), size };
}

function checksum(header: Uint8Array): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}
