import type { Command } from "commander";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { RecallView } from "../../protocol/wire/recalls.ts";
import { at, atPatch, patchOf, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { notPublicYet, untilPublic } from "../until-public.ts";

type Options = GlobalOptions & { reason: string };

export function recall(program: Command, io: Io): void {
  program
    .command("recall")
    .description("Recall any vendor's patch, as the operator: it is offered no more, and undone where it is applied")
    .argument("<patch>", "vendor/product/channel/patch@version")
    .requiredOption("--reason <text>", "why; customers read it")
    .addHelpText(
      "after",
      `
A recall is a signed statement of the service and stays for ever. A vendor withdraws its own patch with \`suture withdraw\`.
Takes an operator's token in SUTURE_TOKEN. How far it has come: \`suture recalls PATCH\`.

Example:
  $ suture recall acme/echod/stable/bounds-check@1 --reason "Corrupts requests of exactly 4096 bytes"`,
    )
    .action(action(io, (options, patch: string) => run(io, patch, options as Options)));
}

async function run(io: Io, given: string, options: Options): Promise<Result> {
  const param = at(atPatch(parseWith(PatchId, given, "patch")));
  const { recall: of } = patchOf(await signedIn(io, options));
  const first = await read(of.$put({ param, json: { reason: options.reason } }), RecallView);
  const view = await untilPublic(first, () => read(of.$get({ param }), RecallView), io);
  return {
    json: view,
    lines: [`Recalled ${view.patch}: ${view.pending} machines have it still.`],
    notes: view.public ? [`Watch it: suture recalls ${view.patch}`] : [notPublicYet],
  };
}
