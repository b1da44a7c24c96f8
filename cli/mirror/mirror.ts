import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { DownloadsAnswer, mirrorPath } from "../../protocol/wire/mirror.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, type Variant } from "../../protocol/wire/patch.ts";
import { vendorRootPath } from "../../protocol/wire/plan.ts";
import { at, type Client, read, send } from "../client.ts";
import { sizeOf } from "../upload.ts";
import type { MirrorFolder } from "./folder.ts";
import { type MirrorDeps, verifyRepository } from "./repository.ts";

const serviceName = "service";
const maxRoot = 512_000;
/** So many bundles are asked for at a time: their links are good for an hour. */
const batch = 100;
/** The largest bundle over a slow line. */
const downloadMillis = 3_600_000;
/** Another vendor's run may have been cut off in the same folder. */
const keepParts = 7 * 86_400_000;

export type MirrorOptions = {
  vendor: string;
  folder: MirrorFolder;
  customer: string;
  /** SHA-256 of the service's first root, in hexadecimal; where it is not given, the first run takes the one that the service has */
  serviceRoot: string | undefined;
  client: Client;
  now: Date;
  /** hears of each step, for whoever watches */
  progress: (line: string) => void;
};

/** What a run did. `left` counts bundles that no subscription of the customer's covers. */
export type Mirrored = { files: number; bundles: number; bytes: number; left: number; serviceRoot: string };

/**
 * Brings a folder up to date with a vendor's repository, the service's own, and the bundles of the channels that a customer has. All
 * of it is verified before it is written, and only what changed is fetched: a run that was cut off is simply run again, and
 * goes on within a bundle. Readers see the old state or the new one, since `timestamp.json` is replaced last.
 * @throws SutureError `untrusted-metadata`, `rollback-detected`, `metadata-expired`, `bundle-mismatch`, what the service answered
 */
export async function mirror(options: MirrorOptions): Promise<Mirrored> {
  const { vendor, folder, client, now, progress } = options;
  await folder.open();
  const deps: MirrorDeps = {
    folder,
    now,
    fetch: (repository, name, max) => fetchPublic(client, repository, name, max),
  };
  try {
    progress("Verifying the service's repository");
    const own = await verifyRepository(serviceName, () => firstServiceRoot(deps, options.serviceRoot), deps);
    progress(`Verifying the repository of ${vendor}`);
    const firstRoot = own.targets.get(vendorRootPath(vendor));
    if (firstRoot === undefined) throw new SutureError("not-found", `The service vouches for no vendor ${vendor}`);
    const ofVendor = await verifyRepository(vendor, () => Promise.resolve(Buffer.from(firstRoot)), deps);
    const fetched = await fetchBundles([...ofVendor.targets], options);
    const files = (await own.publish()) + (await ofVendor.publish());
    await removeBundles(folder);
    await folder.forgetParts(new Date(now.getTime() - keepParts));
    const root = await folder.read(mirrorPath.metadata(serviceName, "1.root.json"));
    return { files, ...fetched, serviceRoot: digestOf(root ?? new Uint8Array()).sha256 };
  } finally {
    await folder.close();
  }
}

async function firstServiceRoot({ fetch }: MirrorDeps, pinned: string | undefined): Promise<Uint8Array> {
  const root = await fetch(serviceName, "1.root.json", maxRoot);
  if (root === undefined) throw new SutureError("untrusted-metadata", "The service has no 1.root.json");
  const { sha256 } = digestOf(root);
  if (pinned !== undefined && sha256 !== pinned)
    throw new SutureError("untrusted-metadata", `The service's first root is ${sha256}, not the one that was given`);
  return root;
}

type Bundle = Variant["bundle"];

async function fetchBundles(
  targets: readonly (readonly [path: string, text: string])[],
  { folder, client, customer, progress }: MirrorOptions,
): Promise<Pick<Mirrored, "bundles" | "bytes" | "left">> {
  const missing: Bundle[] = [];
  for (const bundle of bundlesOf(targets))
    if (!(await folder.has(mirrorPath.bundle(bundle.sha256), bundle.size))) missing.push(bundle);
  let [bundles, bytes] = [0, 0];
  for (let from = 0; from < missing.length; from += batch) {
    const part = missing.slice(from, from + batch);
    const json = { bundles: part.map(({ sha256 }) => sha256) };
    const asked = client.api.customers[":customer"].downloads.$post({ param: at({ customer }), json });
    const { downloads } = await read(asked, DownloadsAnswer);
    for (const { sha256, url } of downloads) {
      const bundle = part.find((each) => each.sha256 === sha256);
      if (bundle === undefined) continue;
      progress(`Bundle ${bundles + 1} of ${missing.length} at most, ${sizeOf(bundle.size)}`);
      bytes += await download(url, bundle, folder, client);
      bundles++;
    }
  }
  return { bundles, bytes, left: missing.length - bundles };
}

async function download(url: string, { sha256, size }: Bundle, folder: MirrorFolder, client: Client): Promise<number> {
  return await folder.receive(mirrorPath.bundle(sha256), { sha256, length: size }, async (offset) => {
    const headers: Record<string, string> = offset === 0 ? {} : { range: `bytes=${offset}-` };
    const response = await send(new URL(url, client.service), { headers, signal: AbortSignal.timeout(downloadMillis) });
    const start = response.status === 206 ? offset : 0;
    const isThat = start === 0 || response.headers.get("content-range")?.startsWith(`bytes ${offset}-`);
    if (!response.ok || response.body === null || !isThat)
      throw new SutureError("unavailable", `The bundle ${sha256} was answered with ${response.status}`);
    return { start, body: response.body };
  });
}

/** Bundles that nothing in the folder names any more, of whatever vendor. */
async function removeBundles(folder: MirrorFolder): Promise<void> {
  const manifests = (await folder.list("tuf")).filter((path) => path.includes("/targets/"));
  const texts = await Promise.all(manifests.map(async (path) => [path, textOf(await folder.read(path))] as const));
  const named = new Set(bundlesOf(texts).map(({ sha256 }) => mirrorPath.bundle(sha256)));
  for (const path of await folder.list("bundles")) if (!named.has(path)) await folder.remove(path);
}

/** Each bundle that the manifests among these targets name. */
function bundlesOf(targets: readonly (readonly [path: string, text: string])[]): Bundle[] {
  const all = targets.flatMap(([path, text]) => manifestOf(path, text)?.variants.map(({ bundle }) => bundle) ?? []);
  return [...new Map(all.map((bundle) => [bundle.sha256, bundle])).values()];
}

function manifestOf(path: string, text: string): Manifest | undefined {
  try {
    return path.includes("@") ? parseJson(Manifest, text, path, "invalid-patch") : undefined;
  } catch (error) {
    // An agent refuses it too; the others are still to be had
    if (!isSutureError(error, "invalid-patch")) throw error;
    return undefined;
  }
}

async function fetchPublic(client: Client, repository: string, name: string, maxBytes: number) {
  const response = await send(`${client.service}/tuf/${repository}/${name}`);
  if (response.status === 404) return undefined;
  if (!response.ok)
    throw new SutureError("unavailable", `${name} of ${repository} was answered with ${response.status}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes)
      throw new SutureError("untrusted-metadata", `${name} of ${repository} is longer than it may be`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("utf8");
}
