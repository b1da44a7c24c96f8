import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { parseJson, parseWith } from "../../protocol/wire/parse.ts";
import { PatchSource } from "../../protocol/wire/patch.ts";
import { type BuiltPayload, buildPayload } from "../elf/build.ts";
import type { Inclusion } from "../elf/explain.ts";
import { readPairs } from "../elf/object/pairs.ts";
import { action, type Io, type Result } from "../io.ts";

type Options = {
  before: string;
  after: string;
  target: string;
  out: string;
  product?: string;
  patch?: string;
  title?: string;
  severity?: string;
  cve?: string[];
  explain?: string;
  acceptLayout?: string[];
};

export function buildElf(build: Command, io: Io): void {
  build
    .command("elf")
    .description("Make a patch from the builds before and after a fix of the same source")
    .requiredOption("--before <path>", "the object file of the build that runs, or a folder with all of them")
    .requiredOption("--after <path>", "the same of the fixed source")
    .requiredOption("--target <binary>", "the program or library that was linked from the former")
    .requiredOption("--out <folder>", "where the payload and patch.json go")
    .option("--product <name>", "for a new patch.json: the product")
    .option("--patch <name>", "for a new patch.json: the patch's name")
    .option("--title <text>", "for a new patch.json: one line for people")
    .option("--severity <severity>", "for a new patch.json: critical, high, medium or low")
    .option("--cve <id...>", "for a new patch.json: what it repairs")
    .option(
      "--accept-layout <type...>",
      "types whose layout may differ, for you know that no running process has data of it",
    )
    .option("--explain <function>", "say why a function is in the payload, or why it is not, and write nothing")
    .addHelpText(
      "after",
      `
Compile both builds with the flags of the product and -g -ffunction-sections -fdata-sections. Only functions may
differ; anything else is refused with its reason. Functions that differ in line numbers alone are left out. A patch.json in the folder is kept, and gets a variant more for
each other target.

Examples:
  $ suture build elf --before old.o --after new.o --target echod --out fix \\
      --product echod --patch bounds-check --title "Echo no more than was sent" --severity critical
  $ suture build elf --before build-old --after build-new --target build-old/echod --out fix
  $ suture build elf --before build-old --after build-new --target build-old/echod --out fix --explain main
  $ suture publish fix`,
    )
    .action(action(io, (options) => run(options as Options)));
}

async function run(options: Options): Promise<Result> {
  const pairs = await readPairs(options.before, options.after);
  const target = await readFile(options.target).catch((cause: unknown) => {
    throw new SutureError("invalid-request", `${options.target} cannot be read`, { cause });
  });
  const decisions = { acceptLayouts: options.acceptLayout ?? [] };
  const built = buildPayload(pairs, { path: options.target, bytes: target }, decisions);
  if (options.explain !== undefined) return explanation(options.explain, built);
  const { payload, buildId, functions, included, leftOut, acceptedLayouts } = built;
  const name = `${buildId.slice(0, 16)}.so`;
  const file = join(options.out, "patch.json");
  const source = await readSource(file, options);
  const variants = source.variants.filter(
    (each) => each.engine !== "elf" || !("buildId" in each.match) || each.match.buildId !== buildId,
  );
  const decided = acceptedLayouts.length > 0 && { acceptedLayouts };
  const variant = { engine: "elf", match: { buildId }, payload: name, functions, ...decided };
  const patch = parseWith(PatchSource, { ...source, variants: [...variants, variant] }, file);

  await mkdir(options.out, { recursive: true });
  await writeFile(join(options.out, name), payload);
  await writeFile(file, `${JSON.stringify(patch, null, 2)}\n`);
  return {
    json: {
      buildId,
      payload: join(options.out, name),
      size: payload.length,
      functions,
      patch: file,
      included,
      leftOut,
      acceptedLayouts,
    },
    lines: [
      `${join(options.out, name)} replaces, in build ${buildId}:`,
      ...included.map(inclusionLine),
      ...(leftOut.length > 0
        ? [
            `Left as they are, for they differ in line numbers or dates alone: ${leftOut.map((each) => each.name).join(", ")}.`,
          ]
        : []),
      ...acceptedLayouts.map((each) => `Accepted by you, and recorded in ${file}: ${each}.`),
      `Look ${file} over, then: suture publish ${options.out}`,
    ],
  };
}

function inclusionLine({ name, kind, source, because: [reason] }: Inclusion): string {
  const what = kind === "replaced" ? "" : kind === "new" ? ", new" : ", a constant that is new or has changed";
  return `  ${name}${what}${placeOf(source)}: ${reason}`;
}

function placeOf(source: Inclusion["source"]): string {
  return source ? ` (${source.file}:${source.line})` : "";
}

/** Why a function, variable or constant is in a payload, or why it is not. */
function explanation(name: string, { included, leftOut }: BuiltPayload): Result {
  const isIt = (each: { name: string }) => each.name === name || each.name.split(/[. ]/, 1)[0] === name;
  const found = included.find((each) => each.name === name) ?? included.find(isIt);
  if (found) {
    const rest = found.because.slice(1).map((step) => `  ${step}`);
    return { json: { explain: name, in: true, ...found }, lines: [inclusionLine(found).trim(), ...rest] };
  }
  const left = leftOut.find(isIt);
  const reason = left
    ? "it differs in line numbers or dates alone"
    : "it is the same in both builds, or in none of the files";
  return {
    json: { explain: name, in: false, name, source: left?.source ?? null, because: [reason] },
    lines: [`${name}${placeOf(left?.source ?? null)} is not in the payload: ${reason}`],
  };
}

/** The patch.json that is there, or the beginning of one. Throws `invalid-request` where the options do not make one. */
async function readSource(file: string, { product, patch, title, severity, cve }: Options) {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text !== undefined) return parseJson(PatchSource, text, file, "invalid-patch");
  if (product === undefined || patch === undefined || title === undefined || severity === undefined) {
    throw new SutureError("invalid-request", `${file} is new: give --product, --patch, --title and --severity`);
  }
  return { product, patch, version: 1, title, severity, ...(cve && { cves: cve }), variants: [] };
}
