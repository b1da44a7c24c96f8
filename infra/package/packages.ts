import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDeb } from "./deb.ts";
import { makeRpm } from "./rpm.ts";
import { makeSingleFile } from "./single-file.ts";
import { makeTarball } from "./tarball.ts";
import { type Build, makeTree, sortable } from "./tree.ts";

type Format = {
  /** programs of the machine that makes it */
  tools: readonly string[];
  nameOf: (build: Build) => string;
  make: (tree: string, file: string, build: Build) => Promise<void>;
};

/** Each kind of package, with the name that its system expects. */
export const formats: Readonly<Record<string, Format>> = {
  deb: {
    tools: ["dpkg-deb"],
    nameOf: ({ version, architecture }) => `suture-agent_${sortable(version)}_${architecture.deb}.deb`,
    make: makeDeb,
  },
  rpm: {
    tools: ["rpmbuild"],
    nameOf: ({ version, architecture }) => `suture-agent-${sortable(version)}-1.${architecture.rpm}.rpm`,
    make: makeRpm,
  },
  tar: {
    tools: ["tar"],
    nameOf: ({ version, architecture }) => `suture-agent-${version}-linux-${architecture.name}.tar.gz`,
    make: makeTarball,
  },
  single: {
    tools: ["tar"],
    nameOf: ({ version, architecture }) => `suture-agent-${version}-linux-${architecture.name}.run`,
    make: makeSingleFile,
  },
};

/** The file names of one processor's packages. @param wanted names of formats */
export function packageNames(build: Build, wanted: readonly string[]): string[] {
  return Object.entries(formats).flatMap(([name, { nameOf }]) => (wanted.includes(name) ? [nameOf(build)] : []));
}

/** Makes the packages of one processor. @param wanted names of formats */
export async function makePackages(out: string, build: Build, wanted: readonly string[]): Promise<void> {
  const tree = join(out, `.tree-${build.architecture.name}`);
  await rm(tree, { recursive: true, force: true });
  await mkdir(tree, { recursive: true });
  await makeTree(tree, build);
  for (const [name, { nameOf, make }] of Object.entries(formats))
    if (wanted.includes(name)) await make(tree, join(out, nameOf(build)), build);
  await rm(tree, { recursive: true });
}
