import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { CarriedAnswer, ReportFile } from "../../protocol/wire/offline.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { at, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { readText } from "../key-files.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { customerOf } from "./mirror.ts";

type Options = GlobalOptions & { customer?: string };

export function reportImport(group: Command, io: Io): void {
  group
    .command("import")
    .description("Hand in what hosts without a network wrote with `suture-agent report export`")
    .argument("<files...>", "their files")
    .option("--customer <name>", "whose machines (default: the customer whose token it is)")
    .addHelpText(
      "after",
      `
Everything in a file is signed by its machine: who carries it can change nothing. Handing one in twice changes nothing.

Example:
  $ suture report import /media/usb/*.report`,
    )
    .action(action(io, (options, files: string[]) => run(io, files, options as Options)));
}

async function run(io: Io, files: readonly string[], options: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const param = at({ customer: await customerOf(client, options.customer) });
  const machines: { file: string; machine: string; receipts: number; newer: boolean }[] = [];
  for (const file of files) {
    const text = await readText(file);
    if (text === undefined) throw new SutureError("invalid-request", `There is no file ${file}`);
    const { said, reports, machine } = parseJson(ReportFile, text, file);
    const hand = async (kind: "said" | "report", statement: string) => {
      const asked = client.api.customers[":customer"]["offline-reports"].$post({ param, json: { kind, statement } });
      return await read(asked, CarriedAnswer);
    };
    let receipts = 0;
    for (const report of reports) receipts += (await hand("report", report)).receipts;
    const { taken } = await hand("said", said);
    machines.push({ file, machine, receipts, newer: taken });
  }
  const rows = machines.map((each) => [
    each.machine,
    String(each.receipts),
    each.newer ? "taken" : "older than what is known",
  ]);
  return { json: { machines }, lines: table(["MACHINE", "RECEIPTS", "ITS WORD"], rows) };
}
