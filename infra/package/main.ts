import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { loadKey, loadOrCreateKey } from "../../cli/key-files.ts";
import { openSigner } from "../../cli/signers/open.ts";
import packageJson from "../../package.json" with { type: "json" };
import type { Signer } from "../../protocol/trust/signer.ts";
import { architectures } from "./architecture.ts";
import { writeInstallScript } from "./install-script.ts";
import { formats, makePackages, packageNames } from "./packages.ts";
import { missingTools, runTool } from "./run.ts";
import { signSums } from "./sign.ts";
import { makeWindowsZip, windowsZipName } from "./windows.ts";

const root = join(import.meta.dirname, "../..");
const throwAwayKey = join(root, ".cache/packages/throw-away.key");

type Options = { arch: string[]; format: string[]; version: string; key?: string; from: string; out: string };

/** Windows' zip is for one processor, and no tree of a Linux host is in it. */
const kinds = [...Object.keys(formats), "zip"];
const command = new Command("npm run package --")
  .description("Makes the agent's packages, each the same when made again, with SBOM, checksums and signature.")
  .addOption(
    new Option("--arch <names...>", "for which processors")
      .choices(architectures.map(({ name }) => name))
      .default(architectures.map(({ name }) => name)),
  )
  .addOption(new Option("--format <names...>", "which packages; zip is for Windows, x64").choices(kinds).default(kinds))
  .option("--version <version>", "the agent's version", packageJson.version)
  .option("--key <key>", "who signs: a P-256 key file, kms:KEY-ARN or exec:/path/to/a/program (docs/cli.md)")
  .option("--from <url>", "where install.sh downloads the packages; without it, it must be told", "")
  .option("--out <dir>", "where to", join(root, "build/packages"))
  .addHelpText("after", "\nSOURCE_DATE_EPOCH is the hour that the files bear; without it that of the commit.")
  .parse();
const { arch, format, version, key, from, out } = command.opts<Options>();

const missing = await missingTools([...new Set(format.flatMap((name) => formats[name]?.tools ?? []))]);
if (missing.length > 0)
  command.error(`${missing.join("\n")}\nOr leave out its format: --format takes ${kinds.join(", ")}.`);
await mkdir(out, { recursive: true });
const epoch = Number(
  process.env.SOURCE_DATE_EPOCH ?? (await runTool("git", ["-C", root, "log", "-1", "--format=%ct"])),
);
const builds = architectures
  .filter(({ name }) => arch.includes(name))
  .map((architecture) => ({ version, architecture, epoch }));
const zip = format.includes("zip") && arch.includes("x64") ? [windowsZipName(version)] : [];
const files = [...builds.flatMap((build) => packageNames(build, format)), ...zip];
// SHA256SUMS lists what is made now: what lies beside it would be taken for signed
const others = (await readdir(out)).filter((name) => /^suture-agent[-_]/.test(name) && !files.includes(name));
if (others.length > 0) command.error(`${out} holds ${others.join(", ")}: remove them, or give --out another folder`);
const signer = await signerOf(key);
// made aside and moved when whole: a run that fails leaves the folder as it was
const work = await mkdtemp(join(out, ".new-"));
try {
  for (const build of builds) await makePackages(work, build, format);
  if (zip.length > 0) await makeWindowsZip(work, { version, epoch });
  await writeInstallScript(work, { version, from, signer });
  await signSums(work, [...files, "install.sh"], signer);
  for (const name of await readdir(work)) await rename(join(work, name), join(out, name));
} catch (error) {
  command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
} finally {
  await rm(work, { recursive: true, force: true });
}
for (const file of files)
  console.log(`${((await stat(join(out, file))).size / 1e6).toFixed(1).padStart(6)} MB  ${file}`);
if (key === undefined) console.log(`Signed by a throw-away key, ${throwAwayKey}: give --key for what others install.`);

async function signerOf(named: string | undefined): Promise<Signer> {
  if (named === undefined) {
    await mkdir(dirname(throwAwayKey), { recursive: true });
    return await loadOrCreateKey(throwAwayKey);
  }
  return /^(?:kms|exec):/.test(named) ? await openSigner(named) : await loadKey(named);
}
