import { link, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { architectures } from "../../infra/package/architecture.ts";
import { makeRelease } from "../../infra/package/release.ts";
import { packFolder } from "../../infra/package/tarball.ts";
import packageJson from "../../package.json" with { type: "json" };
import { type Figure, figureBeside } from "../figure.ts";

/** A release as packages have it: what starts the agent, and its Node, each by its path. */
export type Release = { folder: string; agent: string; node: string };

/** Makes the release of this kind of processor (docs/adr/0052) in a folder. */
export async function releaseIn(folder: string): Promise<Release> {
  const architecture = architectures.find(({ name }) => name === process.arch);
  if (architecture === undefined) throw new Error(`There are no packages for ${process.arch}`);
  await mkdir(folder);
  await makeRelease(folder, architecture, packageJson.version);
  return { folder, agent: join(folder, "bin/suture-agent"), node: join(folder, "node") };
}

/** How large the tarball of a release is, beside that of Node alone. */
export async function sizeFigures({ folder, node }: Release): Promise<Figure[]> {
  const alone = `${folder}-node`;
  await mkdir(alone);
  await link(node, join(alone, "node"));
  const [whole, bare] = [await packedMiB(folder), await packedMiB(alone)];
  const anchor = "packed as the tarball is; the .deb and the .rpm are smaller";
  return [figureBeside("agent.package", whole, "MiB", { of: bare, versus: `${bare} MiB of node alone`, anchor })];
}

async function packedMiB(folder: string): Promise<number> {
  const file = `${folder}.tar.gz`;
  await packFolder(folder, file, 0);
  return Math.round((await stat(file)).size / 104_857.6) / 10;
}
