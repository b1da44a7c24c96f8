import { readFile, stat } from "node:fs/promises";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { type KernelModule, readKernelModule } from "../../protocol/kernel-module.ts";
import { action, type Io, type Result } from "../io.ts";
import { checkPatch } from "./check-patch.ts";

type Options = { target?: string[]; libraryPath?: string[] };

export function check(program: Command, io: Io): void {
  program
    .command("check <path>")
    .description(
      "Bind a patch's folder to its targets without a process, so that what every host would refuse is refused here; or say what a livepatch module (.ko) is for",
    )
    .option("--target <binary...>", "programs or libraries that the patch is for, where patch.json names builds alone")
    .option("--library-path <folder...>", "where the targets' libraries are looked for first")
    .addHelpText(
      "after",
      `
Each function must be there, long enough, and no other's too; each name that the payload uses must be defined. What only a
running process or a host's libraries decide is listed.

Examples:
  $ suture check fix --target build/echod
  $ suture check fix --target sysroot/usr/sbin/echod --library-path sysroot/usr/lib/x86_64-linux-gnu
  $ suture check livepatch-fix.ko`,
    )
    .action(action<[string]>(io, (options, path) => run(path, options as Options)));
}

async function run(path: string, { target, libraryPath }: Options): Promise<Result> {
  const stats = await stat(path).catch((cause: unknown) => {
    throw new SutureError("invalid-patch", `${path} cannot be read`, { cause });
  });
  if (stats.isDirectory()) return checkPatch(path, target, libraryPath ?? []);
  if (target) throw new SutureError("invalid-request", `${path} is no folder: --target is for the folder of a patch`);
  return checkModule(path);
}

async function checkModule(file: string): Promise<Result> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SutureError("invalid-patch", `${file} cannot be read`, { cause });
  });
  const module = readKernelModule(bytes);
  if (module === null) throw new SutureError("invalid-patch", `${file} is no kernel module for x86-64`);
  return { json: { file, ...module }, lines: linesOf(module) };
}

function linesOf({
  name,
  livepatch,
  vermagic,
  kernel,
  license,
  replace,
  functions,
  signature,
}: KernelModule): string[] {
  const kind =
    replace === null ? "the file does not tell" : replace ? "cumulative: replaces all others" : "stacks on others";
  return [
    `module     ${name ?? "unnamed"}${livepatch ? "" : "  NOT MARKED AS A LIVEPATCH: no kernel patches with it"}`,
    `kernel     ${kernel}  (${vermagic.trim()})`,
    `license    ${license}`,
    `kind       ${kind}`,
    ...(functions.length === 0 ? ["functions  the file does not tell"] : []),
    ...functions.map((each, at) => `${at === 0 ? "functions" : "         "}  ${each.object}: ${each.name}`),
    `signature  ${signature === null ? "none: kernels that enforce signatures refuse it" : `appended, ${signature.bytes} bytes`}`,
  ];
}
