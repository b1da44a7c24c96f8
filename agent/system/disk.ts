import { statfsSync } from "node:fs";

/** The bytes that may still be written below a folder; infinite on a file system that counts none, as ramfs does (statfs(2) says 0 blocks). */
export function freeBytes(folder: string): number {
  const { bavail, bsize, blocks } = statfsSync(folder);
  return blocks === 0 ? Number.POSITIVE_INFINITY : bavail * bsize;
}

/** Bytes for people. */
export function inMebibytes(bytes: number): string {
  return Number.isFinite(bytes) ? `${Math.floor(bytes / mebibyte)} MiB` : "no limit";
}

export const mebibyte = 1024 * 1024;
