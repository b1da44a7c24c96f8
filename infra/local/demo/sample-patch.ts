import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { collect } from "../../../functions/stores/page.ts";
import { parseJson } from "../../../protocol/wire/parse.ts";
import { PatchSource } from "../../../protocol/wire/patch.ts";
import { buildEchod, echodSource } from "../echod.ts";
import type { Stores } from "../stores.ts";

/** Where the sample vendor publishes the sample product. */
export const sampleStream = "acme/echod/stable";

/** The sample server and the vendor's folder with its fix, built here. */
export type SamplePatch = { folder: string; binary: string };

/**
 * Builds the sample server and lays out the vendor's patch folder.
 * @throws SutureError `no-compiler`
 */
export async function buildSample(folder: string): Promise<SamplePatch> {
  await mkdir(folder, { recursive: true });
  const { binary } = await buildEchod(join(folder, "build"));
  await copyFile(join(echodSource, "patch.json"), join(folder, "patch.json"));
  return { folder, binary };
}

/** The sample patch's name in its vendor's words. */
async function sampleSource(folder: string): Promise<PatchSource> {
  return parseJson(PatchSource, await readFile(join(folder, "patch.json"), "utf8"), "patch.json", "invalid-patch");
}

/** The live patch of the sample, published by an earlier run; `undefined` where there is none. */
export async function livePatch(stores: Stores): Promise<string | undefined> {
  const patches = await collect((page) => stores.patches.listByStream(sampleStream, { ...page, consistent: true }));
  return patches.find(({ state }) => state === "live")?.id;
}

/** Gives the folder's patch the first version that was never published. @returns the patch's id */
export async function takeNextVersion({ folder }: SamplePatch, stores: Stores): Promise<string> {
  const source = await sampleSource(folder);
  const patches = await collect((page) => stores.patches.listByStream(sampleStream, { ...page, consistent: true }));
  const version =
    1 + Math.max(0, ...patches.map(({ manifest }) => (manifest.patch === source.patch ? manifest.version : 0)));
  const text = await readFile(join(folder, "patch.json"), "utf8");
  await writeFile(join(folder, "patch.json"), text.replace(/"version": \d+/, `"version": ${version}`));
  return `${sampleStream}/${source.patch}@${version}`;
}
