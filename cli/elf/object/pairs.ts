import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { SutureError } from "../../../protocol/errors.ts";

/** A file and its path, for errors. */
export type NamedFile = { path: string; bytes: Buffer };
/** Two builds of one source file. */
export type Pair = { before: NamedFile; after: NamedFile };

/**
 * The object files of two builds, paired by their paths below the two folders; two files are one pair.
 * @throws SutureError `invalid-request` where a build has an object file that the other lacks, or none is there
 */
export async function readPairs(before: string, after: string): Promise<Pair[]> {
  const [beforeNames, afterNames] = [await objectsIn(before), await objectsIn(after)];
  const lonely = beforeNames.find((name) => !afterNames.includes(name));
  if (lonely !== undefined) throw new SutureError("invalid-request", `${join(after, lonely)} is not there`);
  const added = afterNames.find((name) => !beforeNames.includes(name));
  if (added !== undefined) throw new SutureError("invalid-request", `${join(before, added)} is not there`);
  if (beforeNames.length === 0) throw new SutureError("invalid-request", `${before} holds no object file (.o)`);
  const read = async (path: string) => ({ path, bytes: await readFile(path) });
  return Promise.all(
    beforeNames.map(async (name) => ({
      before: await read(join(before, name)),
      after: await read(join(after, name)),
    })),
  );
}

/** Paths below a folder, in order; the empty path where it is a file itself. */
async function objectsIn(path: string): Promise<string[]> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new SutureError("invalid-request", `${path} is not there`, { cause });
  });
  if (!stats.isDirectory()) return [""];
  return (await readdir(path, { recursive: true })).filter((name) => name.endsWith(".o")).sort();
}
