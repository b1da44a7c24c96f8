import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { chmod, cp, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { packFolder } from "./tarball.ts";
import type { Build } from "./tree.ts";

const template = join(import.meta.dirname, "../../agent/package/single-file.sh");

/** Makes one file that unpacks the release of a tree where it runs, once, and starts it. */
export async function makeSingleFile(tree: string, file: string, { version, epoch }: Build): Promise<void> {
  const payload = `${file}.payload`;
  const release = join(tree, "usr/lib/suture-agent");
  const documents = join(release, "doc");
  await cp(join(tree, "usr/share/doc/suture-agent"), documents, { recursive: true, preserveTimestamps: true });
  await packFolder(release, payload, epoch);
  await rm(documents, { recursive: true });
  const hash = createHash("sha256");
  await pipeline(createReadStream(payload), hash);
  const text = (await readFile(template, "utf8"))
    .replaceAll("@version@", version)
    .replace("@digest@", hash.digest("hex"));
  const head = text.replace("@lines@", String(text.split("\n").length));
  await pipeline(async function* () {
    yield head;
    yield* createReadStream(payload);
  }, createWriteStream(file));
  await chmod(file, 0o755);
  await rm(payload);
}
