import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundleAgent } from "../../../infra/agent-bundle.ts";

const run = promisify(execFile);
const packaging = join(import.meta.dirname, "../../../agent/package");

/** A release's folder as packages make it (docs/adr/0052), but for Node, which is the one that runs this. */
export async function makeRelease(folder: string, version: string): Promise<void> {
  await bundleAgent(folder, undefined, { version });
  await mkdir(join(folder, "bin"));
  await cp(join(packaging, "release.sh"), join(folder, "bin/suture-agent"));
  await writeFile(join(folder, "node"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  await writeFile(join(folder, "VERSION"), `${version}\n`);
  await run("chmod", ["755", join(folder, "bin/suture-agent")]);
}

/**
 * Makes a release's tarball.
 * @param before what its program does first, in JavaScript: a broken release is broken here
 * @returns its path
 */
export async function makeReleaseTarball(place: string, version: string, before = ""): Promise<string> {
  const tree = join(place, `tree-${version}`);
  const folder = join(tree, "usr/lib/suture-agent");
  await mkdir(folder, { recursive: true });
  await makeRelease(folder, version);
  const program = join(folder, "agent.cjs");
  await writeFile(program, `${before}\n${(await readFile(program, "utf8")).replace(/^#!.*\n/, "")}`);
  const tarball = join(place, `suture-agent-${version}.tar.gz`);
  await run("tar", ["-czf", tarball, "-C", tree, "."]);
  return tarball;
}

/** The launcher that packages bring, looking elsewhere. */
export async function makeLauncher(file: string, places: { package: string; releases: string }): Promise<void> {
  const script = await readFile(join(packaging, "launcher.sh"), "utf8");
  const moved = script
    .replaceAll("/var/lib/suture-agent", places.releases)
    .replaceAll("/usr/lib/suture-agent", places.package);
  await writeFile(file, moved, { mode: 0o755 });
}
