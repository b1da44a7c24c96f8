import type { Command } from "commander";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { PinList, PinTerms, PinView } from "../../protocol/wire/policy.ts";
import { at, type Client, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";

type Options = GlobalOptions & { customer: string };
const whose = ["--customer <name>", "whose"] as const;

/** `pin list`, `pin show`, `pin set`, `pin remove`. */
export function pin(group: Command, io: Io): void {
  const heads = ["PIN", "PATCH", "NEWEST", "UNTIL (UTC)", "OPEN CVES"];
  const rowOf = ({ name, patch, newest, until, openCves }: PinView) => [
    name,
    patch,
    newest === null ? "none" : String(newest),
    minuteOf(until),
    openCves.join(" ") || "-",
  ];
  group
    .command("list")
    .description("List a customer's pins, and the CVEs that they leave open")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture pin list --customer globex")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const pins = await everyPage<PinView>(async (query) => {
          const { pins: items, cursor } = await read(
            client.api.customers[":customer"].pins.$get({ param: customerOf(options as Options), query }),
            PinList,
          );
          return { items, cursor };
        });
        return { json: { pins }, lines: table(heads, pins.map(rowOf)) };
      }),
    );
  group
    .command("show")
    .description("Show a pin")
    .argument("<name>", "the pin's name")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture pin show db-freeze --customer globex")
    .action(
      action(io, async (options, name: string) => {
        const one = pinOf(await signedIn(io, options));
        const view = await read(one.$get({ param: paramOf(options as Options, name) }), PinView);
        return { json: view, lines: table(heads, [rowOf(view)]) };
      }),
    );
  group
    .command("set")
    .description("Keep a patch from machines until a day")
    .argument("<name>", "the pin's name")
    .argument("<patch>", "vendor/product/patch")
    .requiredOption(...whose)
    .requiredOption("--until <date>", "when it ends by itself")
    .requiredOption("--reason <text>", "why, for those who ask")
    .option("--newest <version>", "the newest version that is let in (default: none)")
    .option("--group <name>", "for this group alone")
    .option("--machine <id>", "for this machine alone")
    .addHelpText(
      "after",
      '\nExample:\n  $ suture pin set db-freeze acme/echod/bounds-check --newest 3 --group db --until 2027-01-31 --reason "Tested by us first" --customer globex',
    )
    .action(
      action(io, async (options, name: string, patch: string) => {
        const { until, newest, reason, group: of, machine } = options as Options & Record<string, string | undefined>;
        const end = Date.parse(until ?? "");
        const terms = parseWith(
          PinTerms,
          {
            patch,
            newest: newest === undefined ? null : Number(newest),
            reason,
            until: Number.isNaN(end) ? until : new Date(end).toISOString(),
            ...(of !== undefined && { group: of }),
            ...(machine !== undefined && { machine }),
          },
          "pin",
        );
        const one = pinOf(await signedIn(io, options));
        const view = await read(one.$put({ param: paramOf(options as Options, name), json: terms }), PinView);
        return { json: view, lines: table(heads, [rowOf(view)]) };
      }),
    );
  group
    .command("remove")
    .description("End a pin")
    .argument("<name>", "the pin's name")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture pin remove db-freeze --customer globex")
    .action(
      action(io, async (options, name: string) => {
        const one = pinOf(await signedIn(io, options));
        const view = await read(one.$delete({ param: paramOf(options as Options, name) }), PinView);
        return { json: view, lines: [`Pin ${view.name} is gone.`] };
      }),
    );
}

function pinOf({ api }: Client) {
  return api.customers[":customer"].pins[":pin"];
}

function customerOf({ customer }: Options) {
  return at({ customer: parseWith(Name, customer, "--customer") });
}

function paramOf(options: Options, pinName: string) {
  return { ...customerOf(options), pin: parseWith(Name, pinName, "name") };
}
