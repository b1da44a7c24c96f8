import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { Name } from "../../protocol/wire/names.ts";
import { parseJson, parseWith } from "../../protocol/wire/parse.ts";
import { SupportMatrix, SupportReport, SupportView } from "../../protocol/wire/support.ts";
import { at, everyPage, read } from "../client.ts";
import { action, exitAttention, type GlobalOptions, type Io, type Result } from "../io.ts";
import { readText } from "../key-files.ts";
import { asPublisher, signedIn } from "../session.ts";
import { table } from "../table.ts";
import type { VendorOptions } from "../vendor-folder.ts";

/** `support set`, `support show`, `support report`. */
export function support(group: Command, io: Io): void {
  const keys = ["--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)"] as const;
  const vendor = ["--vendor <name>", "which vendor, where there are several"] as const;
  group
    .command("set")
    .description("Say which kernels and builds a product covers, and until when")
    .argument("<product>", "the product's name")
    .argument("<file>", "a JSON file: kernels, builds and programs")
    .option(...vendor)
    .option(...keys)
    .addHelpText("after", "\nExample:\n  $ suture support set echod support.json")
    .action(action(io, (options, product: string, file: string) => set(io, { product, file }, options)));
  group
    .command("show")
    .description("Show which kernels and builds a product covers")
    .argument("<product>", "the product's name")
    .option(...vendor)
    .option(...keys)
    .addHelpText("after", "\nExample:\n  $ suture support show echod")
    .action(action(io, (options, product: string) => show(io, product, options)));
  group
    .command("report")
    .description("List how each of a customer's machines is covered, what ends soon, and what is outside")
    .requiredOption("--customer <name>", "whose")
    .option("--attention", "only what ends within 30 days, has ended or is outside")
    .addHelpText(
      "after",
      "\nExits with 6 where something ends within 30 days, has ended or is outside.\n\nExamples:\n  $ suture support report --customer globex\n  $ suture support report --customer globex --attention",
    )
    .action(action(io, (options) => report(io, options as ReportOptions)));
}

async function set(
  io: Io,
  { product, file }: { product: string; file: string },
  options: VendorOptions,
): Promise<Result> {
  const text = await readText(file);
  if (text === undefined) throw new SutureError("invalid-request", `There is no file ${file}`);
  const matrix = parseJson(SupportMatrix, text, file);
  const { client, vendor } = await asPublisher(io, options);
  const view = await read(
    client.api.vendors[":vendor"].products[":product"].support.$put({ param: paramOf(vendor, product), json: matrix }),
    SupportView,
  );
  return {
    json: view,
    lines: [`${vendor}/${product} covers ${matrix.kernels.length} kernels, ${matrix.builds.length} builds.`],
  };
}

async function show(io: Io, product: string, options: VendorOptions): Promise<Result> {
  const { client, vendor } = await asPublisher(io, options);
  const view = await read(
    client.api.vendors[":vendor"].products[":product"].support.$get({ param: paramOf(vendor, product) }),
    SupportView,
  );
  const { kernels, builds } = view.matrix;
  const rows = [
    ...kernels.map(({ kernel, arch, until, title }) => [`kernel ${kernel}`, arch, until, title]),
    ...builds.map(({ buildId, arch, until, title }) => [`build ${buildId}`, arch, until, title]),
  ];
  return { json: view, lines: table(["WHAT", "ARCH", "UNTIL", "TITLE"], rows) };
}

type ReportOptions = GlobalOptions & { customer: string; attention?: true };
type Machines = SupportReport["machines"];

async function report(io: Io, options: ReportOptions): Promise<Result> {
  const client = await signedIn(io, options);
  const param = at({ customer: options.customer });
  const all = await everyPage<Machines[number]>(async (query) => {
    const { machines: items, cursor } = await read(
      client.api.customers[":customer"].support.$get({ param, query }),
      SupportReport,
    );
    return { items, cursor };
  });
  const urgent = all.flatMap((machine): Machines => {
    const products = machine.products.filter(({ coverage }) => coverage !== "covered");
    return products.length === 0 ? [] : [{ ...machine, products }];
  });
  const machines = options.attention === true ? urgent : all;
  const rows = machines.flatMap(({ hostname, products }) =>
    products.map(({ vendor, product, what, coverage, until }) => [
      hostname,
      `${vendor}/${product}`,
      coverage,
      until?.slice(0, 10) ?? "-",
      what,
    ]),
  );
  const lines = table(["HOST", "PRODUCT", "COVERAGE", "UNTIL", "WHAT"], rows);
  return { json: { machines }, lines, ...(urgent.length > 0 && { exit: exitAttention }) };
}

function paramOf(vendor: string, product: string) {
  return at({ vendor, product: parseWith(Name, product, "product") });
}
