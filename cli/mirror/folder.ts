import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import type { FileDigest } from "../../protocol/trust/edit.ts";
import { lockFolder } from "./lock.ts";

const stagingName = ".staging";
/** Downloads that were cut off, by their digests: the next run goes on with them. */
const partName = ".part";

/** Opens a download at a byte: where it really begins, and the bytes from there. */
export type OpenAt = (offset: number) => Promise<{ start: number; body: AsyncIterable<Uint8Array> }>;

/** A mirror's folder. Whoever reads it meanwhile sees each file whole: bytes are verified on the side and renamed into place. */
export class MirrorFolder {
  readonly root: string;
  #release: () => Promise<void> = async () => {};

  constructor(root: string) {
    this.root = root;
  }

  /**
   * Makes the folder, takes it for this run, and removes what an earlier one left half written.
   * @throws SutureError `conflict` while another run has it
   */
  async open(): Promise<void> {
    this.#release = await lockFolder(this.root);
    await rm(join(this.root, stagingName), { recursive: true, force: true });
    await mkdir(join(this.root, stagingName), { recursive: true });
  }

  async close(): Promise<void> {
    await rm(join(this.root, stagingName), { recursive: true, force: true });
    await this.#release();
  }

  /** Removes what is left of downloads that nobody went on with since then. */
  async forgetParts(since: Date): Promise<void> {
    for (const path of await this.list(partName))
      if (((await ifThere(stat(join(this.root, path)))) ?? { mtime: since }).mtime < since) await this.remove(path);
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return await ifThere(readFile(join(this.root, path)));
  }

  /** Whether a file of this size is there; its bytes were verified when it was written. */
  async has(path: string, size: number): Promise<boolean> {
    return (await ifThere(stat(join(this.root, path))))?.size === size;
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const staged = join(this.root, stagingName, randomUUID());
    await writeFile(staged, bytes, { flag: "wx", mode: 0o644, flush: true });
    const target = join(this.root, path);
    await mkdir(dirname(target), { recursive: true });
    await rename(staged, target);
  }

  /**
   * Downloads a file, if it is this and nothing else, from where an earlier try was cut off. What that left is as little trusted as
   * the rest: the whole is verified, and where it is wrong and began with such a part, it is fetched once more from its first byte.
   * @returns how many bytes were fetched
   * @throws SutureError `bundle-mismatch`; then nothing is left of it. What `open` and the line throw; then the part stays
   */
  async receive(path: string, { sha256, length }: FileDigest, open: OpenAt): Promise<number> {
    const part = join(this.root, partName, sha256);
    await mkdir(dirname(part), { recursive: true });
    const had = (await ifThere(stat(part)))?.size ?? 0;
    const offset = had < length ? had : 0;
    const { start, body } = await open(offset);
    const { size, found } = await append(part, start, body, length);
    if (size === length && found === sha256) {
      const target = join(this.root, path);
      await mkdir(dirname(target), { recursive: true });
      await rename(part, target);
      return size - start;
    }
    await rm(part, { force: true });
    if (start > 0) return size - start + (await this.receive(path, { sha256, length }, open));
    throw new SutureError(
      "bundle-mismatch",
      size > length
        ? `${path} is refused: it is longer than the ${length} bytes that were signed`
        : `${path} is refused: its SHA-256 is ${found}, not ${sha256}`,
    );
  }

  /** The paths of all files below a folder of the mirror. */
  async list(below: string): Promise<string[]> {
    const entries = await ifThere(readdir(join(this.root, below), { recursive: true, withFileTypes: true }));
    return (entries ?? [])
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(join(this.root, "/").length));
  }

  async remove(path: string): Promise<void> {
    await rm(join(this.root, path), { force: true });
  }
}

/** Writes a body into a file from `start` on. @returns the file's length and SHA-256 then; past `most` bytes it stops */
async function append(path: string, start: number, body: AsyncIterable<Uint8Array>, most: number) {
  const file = await open(path, "a+", 0o644);
  const hash = createHash("sha256");
  try {
    await file.truncate(start);
    if (start > 0) for await (const chunk of file.createReadStream({ start: 0, autoClose: false })) hash.update(chunk);
    let size = start;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > most) break;
      hash.update(chunk);
      await file.write(chunk);
    }
    await file.sync();
    return { size, found: hash.digest("hex") };
  } finally {
    await file.close();
  }
}

async function ifThere<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
