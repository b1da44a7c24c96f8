import { createHash, randomUUID } from "node:crypto";
import { type BigIntStats, createReadStream } from "node:fs";
import { type FileHandle, link, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { SutureError } from "../../../protocol/errors.ts";
import { type Blobs, checkKey, type WriteCondition } from "./blobs.ts";
import { type Clock, presign } from "./signed-url.ts";

type Options = {
  directory: string;
  /** where `blobRoutes` is mounted, as clients reach it */
  baseUrl: string;
  /** signs the URLs; shared with `blobRoutes` */
  secret: Uint8Array;
  clock: Clock;
};

/** Blobs in a directory, and a way in for an upload whose hash and size are known. */
export type FsBlobs = Blobs & {
  /**
   * Takes an upload of exactly `size` bytes with this SHA-256, where nothing is yet.
   * Throws `too-large`, `invalid-request` (too short), `bundle-mismatch`, `already-exists`; then nothing is kept.
   */
  receive(key: string, body: AsyncIterable<Uint8Array>, content: { sha256: string; size: number }): Promise<void>;
};

/**
 * Opens a directory as a blob store, for one process at a time. Bytes reach their place by link or rename after fsync: a crash leaves
 * a blob whole or absent. What an earlier process left half written is removed.
 */
export async function fsBlobs({ directory, baseUrl, secret, clock }: Options): Promise<FsBlobs> {
  const staging = join(directory, ".staging");
  await rm(staging, { recursive: true, force: true });
  await mkdir(staging, { recursive: true, mode: 0o700 });
  const turns = new Map<string, Promise<unknown>>();

  function pathOf(key: string): string {
    checkKey(key);
    return join(directory, key);
  }

  /** One writer at a time for a key, so that reading its etag and replacing it are one step. */
  function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined).finally(() => turns.get(key) === settled && turns.delete(key));
    turns.set(key, settled);
    return turn;
  }

  /** Writes to the side with `write`, and hands the finished file to `place`. */
  async function staged<T>(
    write: (file: FileHandle) => Promise<void>,
    place: (path: string) => Promise<T>,
  ): Promise<T> {
    const path = join(staging, randomUUID());
    try {
      const file = await open(path, "wx", 0o600);
      try {
        await write(file);
        await file.sync();
      } finally {
        await file.close();
      }
      return await place(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async function place(staged: string, key: string, condition: WriteCondition | undefined): Promise<{ etag: string }> {
    const path = pathOf(key);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    if (condition && "ifAbsent" in condition) {
      // link, unlike rename, never replaces
      await link(staged, path);
    } else {
      const current = condition && (await statOf(path));
      if (condition && (!current || etagOf(current) !== condition.ifMatch)) throw new Replaced();
      await rename(staged, path);
    }
    await syncDirectory(dirname(path));
    return { etag: etagOf(await stat(path, { bigint: true })) };
  }

  return {
    async get(key) {
      const file = await orAbsent(open(pathOf(key)));
      if (!file) return undefined;
      try {
        const stats = await file.stat({ bigint: true });
        return stats.isFile() ? { bytes: await file.readFile(), etag: etagOf(stats) } : undefined;
      } finally {
        await file.close();
      }
    },

    put(key, bytes, condition) {
      return inTurn(key, async () => {
        try {
          return await staged(
            (file) => file.writeFile(bytes),
            (path) => place(path, key, condition),
          );
        } catch (cause) {
          if (!(cause instanceof Replaced) && !hasCode(cause, "EEXIST")) throw cause;
          throw new SutureError("conflict", `${key} is not as it was thought to be`, { cause });
        }
      });
    },

    async stat(key) {
      const stats = await statOf(pathOf(key));
      return stats && { size: Number(stats.size), etag: etagOf(stats) };
    },

    async open(key, range) {
      const path = pathOf(key);
      const stats = await statOf(path);
      if (!stats) return undefined;
      const size = Number(stats.size);
      const { start, end } = range ?? { start: 0, end: size };
      const stream =
        start < end ? Readable.toWeb(createReadStream(path, { start, end: end - 1 })) : new Blob([]).stream();
      return { size, etag: etagOf(stats), stream: stream as ReadableStream<Uint8Array> };
    },

    async presignPut(key, { sha256, size, expiresInSeconds }) {
      checkKey(key);
      const url = presign({
        baseUrl,
        secret,
        method: "PUT",
        key,
        content: { sha256, size },
        expires: expiry(expiresInSeconds),
      });
      return { url, method: "PUT", headers: {} };
    },

    async presignGet(key, { expiresInSeconds }) {
      checkKey(key);
      return presign({ baseUrl, secret, method: "GET", key, expires: expiry(expiresInSeconds) });
    },

    async receive(key, body, content) {
      if (await statOf(pathOf(key))) throw new SutureError("already-exists", `${key} is there already`);
      try {
        await staged(
          (file) => copyExactly(body, file, content),
          (path) => place(path, key, { ifAbsent: true }),
        );
      } catch (cause) {
        if (!hasCode(cause, "EEXIST")) throw cause;
        throw new SutureError("already-exists", `${key} is there already`, { cause });
      }
    },
  };

  function expiry(seconds: number): number {
    return Math.floor(clock() / 1000) + seconds;
  }
}

/** The blob that was to be replaced is another now. */
class Replaced extends Error {}

async function copyExactly(
  body: AsyncIterable<Uint8Array>,
  file: FileHandle,
  { sha256, size }: { sha256: string; size: number },
): Promise<void> {
  const hash = createHash("sha256");
  let received = 0;
  for await (const chunk of body) {
    received += chunk.length;
    if (received > size) throw new SutureError("too-large", `The upload is larger than the ${size} bytes announced`);
    hash.update(chunk);
    await file.writeFile(chunk);
  }
  if (received < size) throw new SutureError("invalid-request", `The upload ended after ${received} of ${size} bytes`);
  if (hash.digest("hex") !== sha256) throw new SutureError("bundle-mismatch", "The upload's SHA-256 is another");
}

/** A replaced file is a new inode, so no two writes share an etag. */
function etagOf({ ino, mtimeNs, size }: BigIntStats): string {
  return [ino, mtimeNs, size].map((part) => part.toString(36)).join("-");
}

async function statOf(path: string): Promise<BigIntStats | undefined> {
  const stats = await orAbsent(stat(path, { bigint: true }));
  return stats?.isFile() ? stats : undefined;
}

async function orAbsent<T>(access: Promise<T>): Promise<T | undefined> {
  try {
    return await access;
  } catch (error) {
    if (hasCode(error, "ENOENT") || hasCode(error, "ENOTDIR")) return undefined;
    throw error;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
