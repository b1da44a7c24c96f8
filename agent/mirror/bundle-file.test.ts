import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { blobName, bundleIndexName, tarBlock, tarHeader, tarPadding } from "../../protocol/bundle-file.ts";
import { isSutureError } from "../../protocol/errors.ts";
import { openBundleFile } from "./bundle-file.ts";

const directory = mkdtempSync(join(tmpdir(), "suture-bundle-"));
const path = join(directory, "bundle.tar");
afterAll(() => rmSync(directory, { recursive: true }));

const blob = Buffer.from("a target's bytes");
const sha256 = createHash("sha256").update(blob).digest("hex");
const index = Buffer.from(
  JSON.stringify({ bundle: 1, createdAt: new Date(0).toISOString(), files: { "a/b": { sha256, size: blob.length } } }),
);
const entry = (name: string, bytes: Buffer) => [
  tarHeader(name, bytes.length),
  bytes,
  Buffer.alloc(tarPadding(bytes.length)),
];
const whole = Buffer.concat([
  ...entry(bundleIndexName, index),
  ...entry(blobName(sha256), blob),
  Buffer.alloc(2 * tarBlock),
]);
const blobHeader = tarBlock + index.length + tarPadding(index.length);

async function readBlob(bytes: Uint8Array): Promise<Buffer | undefined> {
  writeFileSync(path, bytes);
  const file = await openBundleFile(path);
  try {
    return (await file.read("a/b", 1000)) as Buffer | undefined;
  } finally {
    await file.close();
  }
}

/** The archive with another size in the header of the blob, and a checksum that fits. */
function withSize(field: string): Buffer {
  const changed = Buffer.from(whole);
  const header = changed.subarray(blobHeader, blobHeader + tarBlock);
  header.write(field.padEnd(12, "\0"), 124, 12, "latin1");
  header.write(" ".repeat(8), 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return changed;
}

it("a size that is negative, no octal number, or reaches beyond the file is refused, and ends", async () => {
  expect(await readBlob(whole)).toEqual(blob);
  for (const size of ["-0000001000", "-1", "0x10", "9", "", "77777777777", "00000100000"]) {
    await expect(readBlob(withSize(size)), size).rejects.toMatchObject({ code: "invalid-request" });
  }
});

it("whatever bytes of a bundle file change, it is read or refused", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: whole.length - 1 }), fc.integer({ min: 0, max: 255 }), async (at, byte) => {
      const changed = Buffer.from(whole);
      changed[at] = byte;
      try {
        await readBlob(changed);
      } catch (error) {
        if (!isSutureError(error)) throw error;
      }
    }),
  );
});

it("a FIFO is refused, never waited for", async () => {
  const fifo = join(directory, "fifo");
  execFileSync("mkfifo", [fifo]);
  await expect(openBundleFile(fifo)).rejects.toMatchObject({ code: "invalid-request" });
});
