import { isDeepStrictEqual } from "node:util";
import type { Targets } from "@tufjs/models";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { digestOf, type FileDigest, filesOf, readMetadata } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { PatchPath, patchPath } from "../../protocol/wire/names.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, Recalls } from "../../protocol/wire/patch.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { AcceptedRole } from "../stores/roles.ts";
import { bundleKey } from "./uploads.ts";

/** What a client reads to decide one patch; far more than 256 variants need. Bytes. */
const maxFileBytes = 256 * 1024;

type Files = ReadonlyMap<string, FileDigest>;
type Texts = ReadonlyMap<string, string>;

/**
 * Checks every file that a product channel's role names and that was not checked with the version before it. Returns those files.
 * @throws SutureError `invalid-request` for a file that was not sent, or sent for nothing; `invalid-patch` for a manifest that does
 * not parse; `conflict` with data `{ path }` for another manifest than was published; `missing-blob` with data `{ sha256 }`;
 * `invalid-metadata` for the rest
 */
export async function checkFiles(
  vendor: string,
  role: Targets,
  { current, files }: { current: AcceptedRole | undefined; files: Readonly<Record<string, string>> },
  { blobs, patches }: { blobs: Blobs; patches: PatchesStore },
): Promise<Texts> {
  const named = filesOf(role);
  const before: Files = current === undefined ? new Map() : filesOf(readMetadata("targets", current.body).signed);
  const stray = Object.keys(files).find((path) => !named.has(path));
  if (stray !== undefined) throw new SutureError("invalid-request", `${stray} was sent, but the role does not name it`);

  const texts = new Map<string, string>();
  for (const [path, digest] of named) {
    const known = before.get(path);
    if (known?.sha256 === digest.sha256 && known.length === digest.length) continue;
    texts.set(path, await textOf(vendor, path, digest, files[path], blobs));
  }
  const recalled = await checkRecalls(vendor, { named, before, texts }, blobs);
  for (const path of named.keys()) {
    const [product, channel, name = ""] = path.replace(/\.json$/, "").split("/");
    if (recalled.has(name)) throw new SutureError("invalid-metadata", `${name} of ${product}/${channel} is withdrawn`);
  }
  for (const [path, text] of texts) {
    if (!isRecalls(path)) await checkManifest(vendor, path, text, { republished: before.has(path), blobs, patches });
  }
  return texts;
}

/** Keeps target files where clients look for them. There already is as good: their names say their bytes. */
export async function storeFiles(vendor: string, texts: Texts, blobs: Blobs): Promise<void> {
  for (const [path, text] of texts) {
    const bytes = Buffer.from(text);
    try {
      await blobs.put(targetKey(vendor, path, digestOf(bytes).sha256), bytes, { ifAbsent: true });
    } catch (error) {
      if (!isSutureError(error, "conflict")) throw error;
    }
  }
}

/** The text of the recalls.json that a role names; undefined where it names none. */
export async function recallsText(vendor: string, role: Targets, blobs: Blobs): Promise<string | undefined> {
  const [path, digest] = [...filesOf(role)].find(([each]) => isRecalls(each)) ?? [];
  return path === undefined || digest === undefined ? undefined : await storedText(vendor, path, digest, blobs);
}

async function checkManifest(
  vendor: string,
  path: string,
  text: string,
  { republished, blobs, patches }: { republished: boolean; blobs: Blobs; patches: PatchesStore },
): Promise<void> {
  const name = path.replace(/\.json$/, "");
  if (!path.endsWith(".json") || !PatchPath.safeParse(name).success) {
    throw new SutureError("invalid-metadata", `${path} is neither product/channel/patch@version.json nor recalls.json`);
  }
  const manifest = parseJson(Manifest, text, path, "invalid-patch");
  if (patchPath(manifest) !== name) {
    throw new SutureError("invalid-patch", `${path} holds the manifest of ${patchPath(manifest)}`);
  }
  const published = await patches.get(`${vendor}/${name}`);
  const changed = published !== undefined && published.manifestSha256 !== digestOf(Buffer.from(text)).sha256;
  if (republished || changed) {
    throw new SutureError("conflict", `${name} was published before, and what is published never changes`, {
      data: { path },
    });
  }
  for (const { bundle } of manifest.variants) {
    const stored = await blobs.stat(bundleKey(bundle.sha256));
    if (stored?.size === bundle.size) continue;
    const detail = stored === undefined ? "was not uploaded" : `has ${stored.size} bytes, not ${bundle.size}`;
    throw new SutureError("missing-blob", `${path}: the bundle ${bundle.sha256} ${detail}`, {
      data: { sha256: bundle.sha256 },
    });
  }
}

/** Returns the patches that are withdrawn, as `patch@version`. A withdrawal is a statement for ever: the list only grows. */
async function checkRecalls(
  vendor: string,
  { named, before, texts }: { named: Files; before: Files; texts: Texts },
  blobs: Blobs,
): Promise<ReadonlySet<string>> {
  const path = [...named.keys(), ...before.keys()].find(isRecalls);
  if (path === undefined) return new Set();
  if (!named.has(path)) throw new SutureError("invalid-metadata", `${path} is missing: recalls only grow`);
  const digest = before.get(path);
  const old = digest === undefined ? [] : readRecalls(await storedText(vendor, path, digest, blobs), path);
  const text = texts.get(path);
  const recalls = text === undefined ? old : readRecalls(text, path);
  if (!isDeepStrictEqual(recalls.slice(0, old.length), old)) {
    throw new SutureError("invalid-metadata", `${path} leaves out or changes what it said before: recalls only grow`);
  }
  return new Set(recalls.map(({ patch }) => patch));
}

function readRecalls(text: string, path: string): Recalls["recalls"] {
  return parseJson(Recalls, text, path, "invalid-patch").recalls;
}

/** A new file's text, as sent or as kept from an earlier try; it has the digest that is signed. */
async function textOf(
  vendor: string,
  path: string,
  digest: FileDigest,
  sent: string | undefined,
  blobs: Blobs,
): Promise<string> {
  if (digest.length > maxFileBytes) throw new SutureError("too-large", `${path} is larger than ${maxFileBytes} bytes`);
  if (sent === undefined) {
    const stored = await blobs.get(targetKey(vendor, path, digest.sha256));
    if (stored !== undefined && stored.bytes.length === digest.length)
      return Buffer.from(stored.bytes).toString("utf8");
    throw new SutureError("invalid-request", `The text of ${path} is missing: send it in \`files\``);
  }
  const { sha256, length } = digestOf(Buffer.from(sent));
  if (sha256 === digest.sha256 && length === digest.length) return sent;
  throw new SutureError("invalid-metadata", `The text of ${path} is not the one that is signed`);
}

async function storedText(vendor: string, path: string, digest: FileDigest, blobs: Blobs): Promise<string> {
  const stored = await blobs.get(targetKey(vendor, path, digest.sha256));
  if (stored === undefined) throw new SutureError("internal", `The target ${path} of ${vendor} is lost`);
  return Buffer.from(stored.bytes).toString("utf8");
}

/** Where the blob store keeps a target of a repository. */
export function targetKey(vendor: string, path: string, sha256: string): string {
  return `tuf/${vendor}/${targetFileName(path, sha256)}`;
}

function isRecalls(path: string): boolean {
  return path.endsWith("/recalls.json");
}
