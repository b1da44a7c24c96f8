import { chmod, cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Architecture } from "./architecture.ts";
import { licencesOf } from "./licences.ts";
import { makeRelease } from "./release.ts";
import { runTool } from "./run.ts";
import { sbomOf } from "./sbom.ts";

const root = join(import.meta.dirname, "../..");

/** What is in a package, and what it is called. */
export type Build = { version: string; architecture: Architecture; epoch: number };

/** A version as dpkg and rpm take it: a pre-release sorts before its release. */
export const sortable = (version: string): string => version.replace("-", "~");

/** The one file that belongs to the host once it is there. */
export const configFile = "/etc/suture/agent.toml";

/** Makes a host's root folder with nothing in it but what a package owns (docs/adr/0052). */
export async function makeTree(tree: string, { version, architecture, epoch }: Build): Promise<void> {
  const put = async (from: string, to: string) => {
    await mkdir(dirname(join(tree, to)), { recursive: true });
    await cp(join(root, from), join(tree, to));
  };
  const parts = await makeRelease(join(tree, "usr/lib/suture-agent"), architecture, version);
  await put("agent/package/launcher.sh", "usr/bin/suture-agent");
  for (const unit of await readdir(join(root, "agent/units")))
    await put(`agent/units/${unit}`, `usr/lib/systemd/system/${unit}`);
  await put("agent/config/agent.toml", configFile);
  const documents = "usr/share/doc/suture-agent";
  await put("LICENSE", `${documents}/copyright`);
  await writeFile(join(tree, documents, "third-party-licences.txt"), await licencesOf(parts));
  const sbom = await sbomOf(parts, { version, architecture, epoch });
  await writeFile(join(tree, documents, "sbom.cdx.json"), `${JSON.stringify(sbom, null, 2)}\n`);
  await addManual(tree);
  await setModes(tree, epoch);
}

/** What the program prints of itself, and where systems look for it; for zsh Debian and the others do not agree. */
const printed: Readonly<Record<string, readonly string[]>> = {
  "usr/share/man/man8/suture-agent.8": ["man"],
  "usr/share/bash-completion/completions/suture-agent": ["completion", "bash"],
  "usr/share/zsh/site-functions/_suture-agent": ["completion", "zsh"],
  "usr/share/zsh/vendor-completions/_suture-agent": ["completion", "zsh"],
  "usr/share/fish/vendor_completions.d/suture-agent.fish": ["completion", "fish"],
};

async function addManual(tree: string): Promise<void> {
  const program = join(tree, "usr/lib/suture-agent/agent.cjs");
  for (const [file, args] of Object.entries(printed)) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    await writeFile(join(tree, file), await runTool(process.execPath, [program, ...args]));
  }
}

/** The umask and the hour of who builds must not show. */
async function setModes(tree: string, epoch: number): Promise<void> {
  await runTool("chmod", ["-R", "u=rwX,go=rX", tree]);
  await chmod(join(tree, "usr/bin/suture-agent"), 0o755);
  await runTool("find", [tree, "-exec", "touch", "--no-dereference", `--date=@${epoch}`, "{}", "+"]);
}
