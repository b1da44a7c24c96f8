import { createHash, randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SutureError } from "../../protocol/errors.ts";
import type { FileDigest } from "../../protocol/trust/edit.ts";

const stagingName = ".staging";

/** A mirror's folder. Whoever reads it meanwhile sees each file whole: bytes are verified on the side and renamed into place. */
export class MirrorFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes the folder, and removes what an earlier run left half written. */
  async open(): Promise<void> {
    await rm(join(this.root, stagingName), { recursive: true, force: true });
    await mkdir(join(this.root, stagingName), { recursive: true });
  }

  async close(): Promise<void> {
    await rm(join(this.root, stagingName), { recursive: true, force: true });
  }

  async read(path: string): Promise<Uint8Array | undefined> {
    return await ifThere(readFile(join(this.root, path)));
  }

  /** Whether a file of this size is there; its bytes were verified when it was written. */
  async has(path: string, size: number): Promise<boolean> {
    return (await ifThere(stat(join(this.root, path))))?.size === size;
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    await this.#place(path, async (file) => {
      await file.writeFile(bytes);
    });
  }

  /**
   * Writes what comes, if it is this and nothing else.
   * @throws SutureError `bundle-mismatch`; then nothing is written
   */
  async receive(path: string, body: AsyncIterable<Uint8Array>, { sha256, length }: FileDigest): Promise<void> {
    await this.#place(path, async (file) => {
      const hash = createHash("sha256");
      let size = 0;
      for await (const chunk of body) {
        size += chunk.length;
        if (size > length) throw mismatch(path, `it is longer than the ${length} bytes that were signed`);
        hash.update(chunk);
        await file.write(chunk);
      }
      const found = hash.digest("hex");
      if (size !== length || found !== sha256) throw mismatch(path, `its SHA-256 is ${found}, not ${sha256}`);
    });
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

  async #place(path: string, write: (file: Awaited<ReturnType<typeof open>>) => Promise<void>): Promise<void> {
    const staged = join(this.root, stagingName, randomUUID());
    const file = await open(staged, "wx", 0o644);
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    const target = join(this.root, path);
    await mkdir(dirname(target), { recursive: true });
    await rename(staged, target);
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

function mismatch(path: string, why: string): SutureError {
  return new SutureError("bundle-mismatch", `${path} is refused: ${why}`);
}
