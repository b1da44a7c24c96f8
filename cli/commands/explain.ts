import type { Command } from "commander";
import { Explanation } from "../../protocol/wire/explain.ts";
import { MachineId, Name, PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { at, atPatch, read } from "../client.ts";
import { action, exitAttention, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";

type Options = GlobalOptions & { customer: string };

export function explain(program: Command, io: Io): void {
  program
    .command("explain")
    .description("Say why a machine does or does not get a patch")
    .argument("<machine>", "the machine's id")
    .argument("<patch>", "vendor/product/channel/patch@version")
    .requiredOption("--customer <name>", "whose")
    .addHelpText(
      "after",
      "\nExample:\n  $ suture explain m-0123456789abcdef0123456789abcdef acme/echod/stable/bounds-check@4 --customer globex",
    )
    .action(action(io, (options, machine: string, patch: string) => run(io, { machine, patch }, options as Options)));
}

async function run(io: Io, { machine, patch }: { machine: string; patch: string }, options: Options): Promise<Result> {
  const param = {
    customer: parseWith(Name, options.customer, "--customer"),
    machine: parseWith(MachineId, machine, "machine"),
    ...atPatch(parseWith(PatchId, patch, "patch")),
  };
  const { api } = await signedIn(io, options);
  const of = api.customers[":customer"].machines[":machine"].explain[":vendor"][":product"][":channel"][":patch"];
  const why = await read(of.$get({ param: at(param) }), Explanation);
  const until = why.changesAt === null ? [] : [`Time alone changes that at ${why.changesAt}.`];
  const { trouble, partial } = why;
  const late = trouble === undefined ? [] : [`Trouble since ${trouble.at}, ${trouble.kind}: ${trouble.detail}`];
  const some = partial === undefined ? [] : [`Not in every process: ${partial.detail}`];
  const attention = why.verdict === "unknown" ? ({ exit: exitAttention } as const) : {};
  return { ...attention, json: why, lines: [`${why.verdict}: ${why.sentence}`, ...until, ...late, ...some] };
}
