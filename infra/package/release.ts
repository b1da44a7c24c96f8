import { chmod, cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleAgent } from "../agent-bundle.ts";
import type { Architecture } from "./architecture.ts";
import { npmPart } from "./npm-part.ts";

const sources = join(import.meta.dirname, "../../agent/package");

/**
 * Makes a release of the agent: a folder that runs wherever it lies (docs/adr/0052).
 * @returns the npm packages that are in it, by their place under node_modules
 */
export async function makeRelease(folder: string, architecture: Architecture, version: string): Promise<string[]> {
  const options = { platform: architecture.koffi, version, folderOf: npmPart };
  const bundled = await bundleAgent(folder, undefined, options);
  await mkdir(join(folder, "bin"));
  await cp(join(sources, "release.sh"), join(folder, "bin/suture-agent"));
  await cp(join(await npmPart(architecture.node), "bin/node"), join(folder, "node"));
  await writeFile(join(folder, "VERSION"), `${version}\n`);
  for (const program of ["node", "bin/suture-agent"]) await chmod(join(folder, program), 0o755);
  return [...bundled, architecture.node];
}
