import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./run.ts";

const root = join(import.meta.dirname, "../..");
const cache = join(root, ".cache/packages");

type Lock = { packages: Record<string, { version?: string; integrity?: string; license?: string }> };

/** What package-lock.json pins of a package: a published version, its digest and its licence. */
export type Pin = { version: string; integrity: string; license: string };

/** The pin of a package, by its place under node_modules. Throws Error where there is none. */
export async function pinned(name: string): Promise<Pin> {
  const lock = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as Lock;
  const { version, integrity, license } = lock.packages[`node_modules/${name}`] ?? {};
  if (version === undefined || integrity === undefined || license === undefined)
    throw new Error(`package-lock.json pins no ${name}`);
  return { version, integrity, license };
}

/**
 * The folder of a package that package-lock.json pins: where it is installed, else, since npm installs none for another processor, where
 * it is unpacked. It is fetched once, and taken only if its digest is that of package-lock.json.
 */
export async function npmPart(name: string): Promise<string> {
  const installed = join(root, "node_modules", name);
  if (existsSync(installed)) return installed;
  const { version, integrity } = await pinned(name);
  const folder = join(cache, `${name.replace("/", "-")}-${version}`);
  if (existsSync(folder)) return folder;
  const work = `${folder}.new`;
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  await runTool("npm", ["pack", `${name}@${version}`, "--silent", "--pack-destination", work]);
  const archive = join(work, (await readdir(work)).find((file) => file.endsWith(".tgz")) ?? "");
  const digest = `sha512-${createHash("sha512")
    .update(await readFile(archive))
    .digest("base64")}`;
  if (digest !== integrity) throw new Error(`${name}@${version} is not what package-lock.json pins: ${digest}`);
  await runTool("tar", ["-xzf", archive, "-C", work, "--no-same-owner"]);
  await rename(join(work, "package"), folder);
  await rm(work, { recursive: true });
  return folder;
}
