import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { type KernelModule, readKernelModule } from "../../protocol/kernel-module.ts";
import { action, type Io, type Result } from "../io.ts";

export function check(program: Command, io: Io): void {
  program
    .command("check <module>")
    .description("Say what a livepatch module (.ko) is for: its kernel, functions, kind and signature")
    .addHelpText("after", "\nExample:\n  $ suture check livepatch-fix.ko")
    .action(action<[string]>(io, (_, file) => run(file)));
}

async function run(file: string): Promise<Result> {
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
