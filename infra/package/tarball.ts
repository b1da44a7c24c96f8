import { cp, rm } from "node:fs/promises";
import { join } from "node:path";
import { runTool } from "./run.ts";
import type { Build } from "./tree.ts";

const scripts = join(import.meta.dirname, "../../agent/package");
/** Where a host keeps what a package manager would. */
const kept = "usr/share/suture-agent";

/**
 * Packs a folder's content the same way each time: names sorted, everything root's, no time but `epoch` (seconds).
 * @see https://reproducible-builds.org/docs/archives/
 */
export async function packFolder(folder: string, file: string, epoch: number): Promise<void> {
  const same = ["--sort=name", `--mtime=@${epoch}`, "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"];
  await runTool("tar", ["-C", folder, ...same, "--use-compress-program=gzip -n -6", "-cf", file, "."]);
}

/** Makes the tarball for hosts without dpkg and rpm, which has the scripts that those have in their packages. */
export async function makeTarball(tree: string, file: string, { epoch }: Build): Promise<void> {
  for (const name of ["after-install.sh", "before-remove.sh", "after-purge.sh"])
    await cp(join(scripts, name), join(tree, kept, name));
  await runTool("chmod", ["-R", "u=rwx,go=rx", join(tree, kept)]);
  await packFolder(tree, file, epoch);
  await rm(join(tree, kept), { recursive: true });
}
