import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MirrorFolder, type OpenAt } from "./folder.ts";

let folder: MirrorFolder;
beforeEach(async () => {
  folder = new MirrorFolder(await mkdtemp(join(tmpdir(), "suture-mirror-")));
});
afterEach(() => rm(folder.root, { recursive: true }));

const digest = (bytes: Uint8Array) => ({
  sha256: createHash("sha256").update(bytes).digest("hex"),
  length: bytes.length,
});

/** A server of these bytes whose lines break after so many, one after the other; the last one holds. */
function server(bytes: Uint8Array, breaks: readonly number[], takesRanges = true): OpenAt & { sent: number } {
  const left = [...breaks];
  const open = async (offset: number) => {
    const start = takesRanges ? offset : 0;
    async function* body() {
      const until = start + (left.shift() ?? bytes.length);
      for (let at = start; at < Math.min(until, bytes.length); at += 7) {
        const chunk = bytes.subarray(at, Math.min(at + 7, until, bytes.length));
        opened.sent += chunk.length;
        yield chunk;
      }
      if (until < bytes.length) throw new Error("the line broke");
    }
    return { start, body: body() };
  };
  const opened = Object.assign(open, { sent: 0 });
  return opened;
}

async function untilWhole(from: OpenAt, bytes: Uint8Array): Promise<void> {
  for (;;) {
    try {
      await folder.receive("bundles/b", digest(bytes), from);
      return;
    } catch (error) {
      if (!(error instanceof Error) || error.message !== "the line broke") throw error;
    }
  }
}

it("fetches each byte of a file once, wherever and however often the line breaks", async () => {
  const run = async (bytes: Uint8Array, breaks: number[]) => {
    const from = server(bytes, breaks);
    await untilWhole(from, bytes);
    expect(from.sent).toBe(bytes.length);
    expect(new Uint8Array(await readFile(join(folder.root, "bundles/b")))).toEqual(new Uint8Array(bytes));
    expect(await readdir(join(folder.root, ".part"))).toEqual([]);
  };
  const breaks = fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 5 });
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 400 }), breaks, run));
});

it("begins anew at a server that takes no ranges", async () => {
  const bytes = Buffer.from("of a server without ranges");
  const from = server(bytes, [9], false);
  await untilWhole(from, bytes);
  expect(from.sent).toBe(9 + bytes.length);
});

it("verifies what an earlier run left as it does the rest, and fetches all of it where that is wrong", async () => {
  const bytes = Buffer.from("the bytes that were signed");
  await expect(folder.receive("bundles/b", digest(bytes), server(bytes, [14]))).rejects.toThrow("the line broke");
  await writeFile(join(folder.root, ".part", digest(bytes).sha256), "somebody else's");
  await folder.receive("bundles/b", digest(bytes), server(bytes, []));
  expect(await readFile(join(folder.root, "bundles/b"))).toEqual(bytes);
});

it("leaves nothing of other bytes than were signed, nor of more", async () => {
  const bytes = Buffer.from("the bytes that were signed");
  for (const other of [Buffer.from("the bytes of a stranger!!!"), Buffer.concat([bytes, bytes])]) {
    const received = folder.receive("bundles/b", digest(bytes), server(other, []));
    await expect(received).rejects.toMatchObject({ code: "bundle-mismatch" });
    expect(await readdir(folder.root, { recursive: true })).toEqual([".part"]);
  }
});

it("keeps parts for the next run, and forgets those that nobody went on with", async () => {
  const bytes = Buffer.from("the bytes that were signed");
  await expect(folder.receive("bundles/b", digest(bytes), server(bytes, [14]))).rejects.toThrow("the line broke");
  await folder.forgetParts(new Date(Date.now() - 60_000));
  expect(await folder.list(".part")).toHaveLength(1);
  await folder.forgetParts(new Date(Date.now() + 60_000));
  expect(await folder.list(".part")).toEqual([]);
});
