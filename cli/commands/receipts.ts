import { createPublicKey } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { verifyReceipt } from "../../protocol/trust/receipt.ts";
import { MachineList, type MachineView } from "../../protocol/wire/customer.ts";
import { ReceiptList } from "../../protocol/wire/receipts.ts";
import type { Envelope } from "../../protocol/wire/statement.ts";
import { at, type Client, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";

type Options = GlobalOptions & { customer: string; machine?: string; out: string };

export function receipts(group: Command, io: Io): void {
  group
    .command("export")
    .description("Write machines' receipts as they were signed, with the keys that verify them")
    .requiredOption("--customer <name>", "whose machines")
    .option("--machine <id>", "one machine's alone")
    .requiredOption("--out <folder>", "where they go")
    .addHelpText(
      "after",
      `
FOLDER/MACHINE.intoto.jsonl has a DSSE envelope on each line, FOLDER/MACHINE.pem the key: tools that know
in-toto read them without Suture (docs/statements.md). Each is verified here too, and one that does not
verify is an error.

Example:
  $ suture receipts export --customer globex --out audit`,
    )
    .action(action(io, (options) => run(io, options as Options)));
}

async function run(io: Io, { customer, machine, out, ...options }: Options): Promise<Result> {
  const client = await signedIn(io, options);
  const folder = resolve(out);
  await mkdir(folder, { recursive: true });
  const machines = machine === undefined ? await machinesOf(client, customer) : [machine];
  let [written, bad] = [0, 0];
  for (const id of machines) {
    const { publicKey, envelopes } = await receiptsOf(client, customer, id);
    const key = createPublicKey({ key: { ...publicKey }, format: "jwk" }).export({ type: "spki", format: "pem" });
    await writeFile(join(folder, `${id}.pem`), key);
    const lines = envelopes.map((each) => JSON.stringify(each));
    await writeFile(join(folder, `${id}.intoto.jsonl`), lines.map((line) => `${line}\n`).join(""));
    written += lines.length;
    bad += lines.filter((line) => !isGood(line, publicKey)).length;
    if (io.watched && !options.json) io.err(`\r${id}: ${lines.length}\n`);
  }
  const json = { customer, machines: machines.length, receipts: written, folder };
  if (bad > 0) {
    const detail = `${bad} of ${written} receipts in ${folder} are not signed by their machine: do not trust them`;
    throw new SutureError("bad-signature", detail, { data: { ...json, bad } });
  }
  return {
    json,
    lines: [`${written} receipts of ${machines.length} machines are in ${folder}.`, "Each is signed by its machine."],
  };
}

function isGood(text: string, key: Parameters<typeof verifyReceipt>[1]): boolean {
  try {
    verifyReceipt(text, key);
    return true;
  } catch (error) {
    if (!isSutureError(error)) throw error;
    return false;
  }
}

async function machinesOf({ api }: Client, customer: string): Promise<string[]> {
  const all = await everyPage<MachineView>(async (query) => {
    const asked = api.customers[":customer"].machines.$get({
      param: at({ customer }),
      query: { ...query, retired: "true" },
    });
    const { machines: items, cursor } = await read(asked, MachineList);
    return { items, cursor };
  });
  return all.map(({ machine }) => machine);
}

/** Oldest first. */
async function receiptsOf({ api }: Client, customer: string, machine: string) {
  const route = api.customers[":customer"].machines[":machine"].receipts;
  const first = await read(route.$get({ param: at({ customer, machine }), query: {} }), ReceiptList);
  const rest = await everyPage<Envelope>(async (query) => {
    const page = await read(route.$get({ param: at({ customer, machine }), query }), ReceiptList);
    return { items: page.receipts.map(({ envelope }) => envelope), cursor: page.cursor };
  });
  return { publicKey: first.publicKey, envelopes: rest.reverse() };
}
