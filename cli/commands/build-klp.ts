import { spawn, spawnSync } from "node:child_process";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { action, type Io, type Result } from "../io.ts";

type Options = { source?: string; config?: string; vmlinux?: string; name?: string; out?: string };
type Tool = { name: string; command: string; argv: (patch: string, options: Options) => string[] };

const kpatchBuild: Tool = {
  name: "kpatch-build",
  command: "kpatch-build",
  argv: (patch, { source, config, vmlinux, name, out = "." }) => [
    ...(source === undefined ? [] : ["--sourcedir", source]),
    ...(config === undefined ? [] : ["--config", config]),
    ...(vmlinux === undefined ? [] : ["--vmlinux", vmlinux]),
    ...(name === undefined ? [] : ["--name", name]),
    "--output",
    out,
    patch,
  ],
};

export function buildKlp(program: Command, io: Io): void {
  program
    .command("build")
    .description("Build a payload with its field's own tools")
    .command("klp <patch>")
    .description(
      "Build a livepatch module from a patch on kernel source: with the kernel tree's klp-build, or kpatch-build",
    )
    .option("--source <dir>", "the kernel's source tree, as the target kernel was built from")
    .option("--config <file>", "the target kernel's configuration")
    .option("--vmlinux <file>", "the target kernel's vmlinux with debug information")
    .option("--name <name>", "the module's name")
    .option("--out <dir>", "where the module is put")
    .addHelpText(
      "after",
      "\nExample:\n  $ suture build klp fix.patch --source linux-6.1 --vmlinux vmlinux --name acme_fix",
    )
    .action(action<[string]>(io, (options, patch) => run(io, patch, options as Options)));
}

async function run(io: Io, patch: string, options: Options): Promise<Result> {
  await access(patch).catch((cause: unknown) => {
    throw new SutureError("invalid-patch", `${patch} cannot be read`, { cause });
  });
  const tool = await findTool(options);
  const argv = tool.argv(resolve(patch), options);
  const child = spawn(tool.command, argv, { stdio: ["ignore", "pipe", "inherit"], cwd: cwdOf(tool, options) });
  child.stdout?.on("data", (text: Buffer) => io.err(text.toString("utf8")));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve).once("error", reject);
  });
  if (code !== 0) throw new SutureError("invalid-patch", `${tool.name} failed with ${code}; see its words above`);
  return {
    json: { tool: tool.name, arguments: argv, out: options.out ?? "." },
    lines: [`${tool.name} built it. Look at it with \`suture check\`.`],
  };
}

/** The kernel tree's own tool where the tree has it (Linux 6.19), kpatch-build where that is installed. */
async function findTool({ source }: Options): Promise<Tool> {
  if (source !== undefined) {
    const command = resolve(source, "scripts/livepatch/klp-build");
    const isThere = await access(command).then(
      () => true,
      () => false,
    );
    if (isThere)
      return {
        name: "klp-build",
        command,
        argv: (patch, { name }) => [...(name ? ["--output", `${name}.ko`] : []), patch],
      };
  }
  if (spawnSync(kpatchBuild.command, ["--version"]).error === undefined) return kpatchBuild;
  throw new SutureError(
    "no-compiler",
    "Neither tool is here: klp-build comes in the kernel's tree since Linux 6.19 (scripts/livepatch/klp-build under --source), kpatch-build is a package of its own. Both want the target kernel's exact source, configuration, compiler and vmlinux with debug information. A module that was built elsewhere is published as it is: name it as a payload in patch.json",
  );
}

/** klp-build works on the tree that it stands in. */
function cwdOf(tool: Tool, { source }: Options): string | undefined {
  return tool.name === "klp-build" ? source : undefined;
}
