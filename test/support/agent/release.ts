import { execFile } from "node:child_process";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundleAgent } from "../../../infra/agent-bundle.ts";
import packageJson from "../../../package.json" with { type: "json" };

const run = promisify(execFile);

/** A release's folder as packages make it (docs/adr/0052), of this checkout's agent, with this machine's Node. */
export async function buildRelease(folder: string): Promise<void> {
  await bundleAgent(folder);
  await mkdir(join(folder, "bin"));
  const start = `here=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")\nexec "$here/node" "$here/agent.cjs" "$@"`;
  await writeFile(join(folder, "bin/suture-agent"), `#!/bin/sh\n${start}\n`, { mode: 0o755 });
  await writeFile(join(folder, "node"), `#!/bin/sh\nexec '${process.execPath}' "$@"\n`, { mode: 0o755 });
  await writeFile(join(folder, "VERSION"), `${packageJson.version}\n`);
}

/**
 * Makes the tarball of another version of a release.
 * @param before what the program does first, in JavaScript; a broken release is broken here
 * @returns its path
 */
export async function releaseTarball(release: string, version: string, place: string, before = ""): Promise<string> {
  const tree = join(place, `tree-${version}`);
  const folder = join(tree, "usr/lib/suture-agent");
  await mkdir(folder, { recursive: true });
  await cp(release, folder, { recursive: true });
  const program = await readFile(join(folder, "agent.cjs"), "utf8");
  const said = `"${packageJson.version}"`;
  if (!program.includes(said)) throw new Error("The program does not say its version");
  const [first = "", ...rest] = program.split("\n");
  const shebang = first.startsWith("#!") ? `${first}\n` : "";
  const body = shebang === "" ? program : rest.join("\n");
  await writeFile(join(folder, "agent.cjs"), `${shebang}${before}\n${body.replaceAll(said, `"${version}"`)}`);
  await writeFile(join(folder, "VERSION"), `${version}\n`);
  const tarball = join(place, `suture-agent-${version}.tar.gz`);
  await run("tar", ["-czf", tarball, "-C", tree, "."]);
  return tarball;
}
