import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { Signer } from "../../protocol/trust/signer.ts";

/**
 * Writes SHA256SUMS of files in a folder, and its signature SHA256SUMS.sig, which
 * `openssl dgst -sha256 -verify KEY.pem -signature SHA256SUMS.sig SHA256SUMS` judges.
 */
export async function signSums(folder: string, files: readonly string[], signer: Signer): Promise<void> {
  const lines = await Promise.all(
    files.toSorted().map(async (file) => `${await digest(join(folder, file))}  ${file}\n`),
  );
  const sums = Buffer.from(lines.join(""));
  await writeFile(join(folder, "SHA256SUMS"), sums);
  await writeFile(join(folder, "SHA256SUMS.sig"), await signer.sign(sums));
}

async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
