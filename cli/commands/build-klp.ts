import { spawn, spawnSync } from "node:child_process";
import { access, mkdir, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { action, type Io, type Result } from "../io.ts";

type Options = { source?: string; config?: string; vmlinux?: string; name?: string; out: string };
type Job = { patch: string; options: Options; more: readonly string[] };
type Tool = {
  name: "klp-build" | "kpatch-build";
  command: string;
  argv: (job: Job) => string[];
  /** where it is run */
  cwd?: string;
};

const kpatchBuild: Tool = {
  name: "kpatch-build",
  command: "kpatch-build",
  argv: ({ patch, options: { source, config, vmlinux, name, out }, more }) => [
    ...(source === undefined ? [] : ["--sourcedir", source]),
    ...(config === undefined ? [] : ["--config", config]),
    ...(vmlinux === undefined ? [] : ["--vmlinux", vmlinux]),
    ...(name === undefined ? [] : ["--name", name]),
    "--output",
    out,
    ...more,
    patch,
  ],
};

export function buildKlp(build: Command, io: Io): void {
  build
    .command("klp <patch> [tool-arguments...]")
    .description(
      "Build a livepatch module from a patch on kernel source: with the kernel tree's klp-build, or kpatch-build. What stands behind -- goes to that tool",
    )
    .option("--source <dir>", "the kernel's source tree, as the target kernel was built from")
    .option("--config <file>", "the target kernel's configuration")
    .option("--vmlinux <file>", "the target kernel's vmlinux with debug information")
    .option("--name <name>", "the module's name")
    .option("--out <dir>", "where the module is put, made if absent", ".")
    .addHelpText(
      "after",
      `
Examples:
  $ suture build klp fix.patch --source linux-6.1 --vmlinux vmlinux --name acme_fix --out fix
  $ suture build klp fix.patch --source linux-6.1 --vmlinux vmlinux -- --target fs/proc/ --non-replace
  $ suture build klp fix.patch --source linux-6.1 --vmlinux vmlinux -- --oot-module zfs.ko --oot-module-src zfs`,
    )
    .action(
      action<[string, string[]]>(io, (options, patch, more) => run(io, { patch, options: options as Options, more })),
    );
}

async function run(io: Io, { patch, options, more }: Job): Promise<Result> {
  await access(patch).catch((cause: unknown) => {
    throw new SutureError("invalid-patch", `${patch} cannot be read`, { cause });
  });
  const out = resolve(options.out);
  await mkdir(out, { recursive: true });
  const tool = await findTool(options);
  const argv = tool.argv({ patch: resolve(patch), options: { ...options, out }, more });
  const before = await modulesIn(out);
  const child = spawn(tool.command, argv, { stdio: ["ignore", "pipe", "inherit"], cwd: tool.cwd });
  child.stdout?.on("data", (text: Buffer) => io.err(text.toString("utf8")));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("close", resolve).once("error", reject);
  });
  if (code !== 0) throw new SutureError("invalid-patch", `${tool.name} failed with ${code}; see its words above`);
  const after = await modulesIn(out);
  const built = [...after].filter(([file, at]) => before.get(file) !== at).map(([file]) => file);
  if (built.length === 0)
    throw new SutureError("invalid-patch", `${tool.name} ended well and left no module in ${out}`);
  const replace =
    tool.name === "klp-build" ? undefined : !more.some((each) => each === "-R" || each === "--non-replace");
  return {
    json: { tool: tool.name, arguments: argv, modules: built, ...(replace !== undefined && { replace }) },
    lines: [
      ...built.map((file) => `${tool.name} built ${file}. \`suture check ${file}\` says what it is for.`),
      ...(replace === undefined
        ? []
        : [`Its variant in patch.json wants "replace": ${replace}: a module that kpatch-build built does not tell.`]),
    ],
  };
}

/** The modules in a folder, each with when it was written. */
async function modulesIn(folder: string): Promise<ReadonlyMap<string, number>> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".ko")).map((name) => join(folder, name));
  return new Map(await Promise.all(files.map(async (file) => [file, (await stat(file)).mtimeMs] as const)));
}

/** The kernel tree's own tool where the tree has it (Linux 6.19), which works where it stands; else an installed kpatch-build. */
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
        cwd: source,
        argv: ({ patch, options: { name = "livepatch", out }, more }) => [
          "--output",
          join(out, `${name}.ko`),
          ...more,
          patch,
        ],
      };
  }
  if (spawnSync(kpatchBuild.command, ["--version"]).error === undefined) return kpatchBuild;
  throw new SutureError(
    "no-compiler",
    "Neither tool is here: klp-build comes in the kernel's tree since Linux 6.19 (scripts/livepatch/klp-build under --source), kpatch-build is a package of its own. Both want the target kernel's exact source, configuration, compiler and vmlinux with debug information. A module that was built elsewhere is published as it is: name it as a payload in patch.json",
  );
}
