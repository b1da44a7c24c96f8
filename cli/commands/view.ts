import type { Command } from "commander";
import { Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { SavedView, SavedViewList, ViewName, ViewTerms } from "../../protocol/wire/views.ts";
import { at, type Client, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";

type Options = GlobalOptions & { customer: string; shared?: true };
const whose = ["--customer <name>", "whose"] as const;
const shared = ["--shared", "the account's; without it your own"] as const;

/** `view list`, `view show`, `view save`, `view forget`. */
export function view(group: Command, io: Io): void {
  const heads = ["VIEW", "STATE", "EXPOSED", "GROUP", "NAME BEGINS", "BY"];
  const rowOf = ({ name, state, exposed, group: of, begins, by }: SavedView) => [
    name,
    ...[state, exposed, of, begins].map((each) => each ?? "-"),
    by,
  ];
  group
    .command("list")
    .description("List saved views of the machines")
    .requiredOption(...whose)
    .option(...shared)
    .addHelpText("after", "\nExample:\n  $ suture view list --customer globex --shared")
    .action(
      action(io, async (options) => {
        const { api } = await signedIn(io, options);
        const { scope, customer } = scopeOf(options as Options);
        const views = await everyPage<SavedView>(async (query) => {
          const { views: items, cursor } = await read(
            api.customers[":customer"].views.$get({ param: at({ customer }), query: { ...query, scope } }),
            SavedViewList,
          );
          return { items, cursor };
        });
        return { json: { views }, lines: table(heads, views.map(rowOf)) };
      }),
    );
  group
    .command("show")
    .description("Show a saved view")
    .argument("<name>", "the view's name")
    .requiredOption(...whose)
    .option(...shared)
    .addHelpText("after", '\nExample:\n  $ suture view show "Exposed databases" --customer globex --shared')
    .action(
      action(io, async (options, name: string) => {
        const one = viewOf(await signedIn(io, options));
        const found = await read(one.$get({ param: paramOf(options as Options, name) }), SavedView);
        return { json: found, lines: table(heads, [rowOf(found)]) };
      }),
    );
  group
    .command("save")
    .description("Save a view of the machines, which the portal lists beside them")
    .argument("<name>", "the view's name")
    .requiredOption(...whose)
    .option(...shared)
    .option("--state <name>", "machines in this state, such as failing or silent")
    .option("--exposed <severity>", "machines whose worst open patch is critical, high, medium or low")
    .option("--group <name>", "machines of this group")
    .option("--begins <text>", "machines whose name begins so")
    .option("--by <order>", "name, or seen for the longest silent first")
    .addHelpText(
      "after",
      '\nExample:\n  $ suture view save "Exposed databases" --exposed critical --group db --customer globex --shared',
    )
    .action(
      action(io, async (options, name: string) => {
        const { state, exposed, group: of, begins, by } = options as Options & Record<string, string | undefined>;
        const terms = parseWith(ViewTerms, { state, exposed, group: of, begins, by }, "view");
        const one = viewOf(await signedIn(io, options));
        const saved = await read(one.$put({ param: paramOf(options as Options, name), json: terms }), SavedView);
        return { json: saved, lines: table(heads, [rowOf(saved)]) };
      }),
    );
  group
    .command("forget")
    .description("Forget a saved view")
    .argument("<name>", "the view's name")
    .requiredOption(...whose)
    .option(...shared)
    .addHelpText("after", '\nExample:\n  $ suture view forget "Exposed databases" --customer globex --shared')
    .action(
      action(io, async (options, name: string) => {
        const one = viewOf(await signedIn(io, options));
        const gone = await read(one.$delete({ param: paramOf(options as Options, name) }), SavedView);
        return { json: gone, lines: [`View ${gone.name} is forgotten.`] };
      }),
    );
}

function viewOf({ api }: Client) {
  return api.customers[":customer"].views[":scope"][":view"];
}

function scopeOf({ customer, shared: isShared }: Options) {
  return {
    customer: parseWith(Name, customer, "--customer"),
    scope: isShared === undefined ? ("own" as const) : ("shared" as const),
  };
}

function paramOf(options: Options, name: string) {
  const { customer, scope } = scopeOf(options);
  return at({ customer, scope, view: parseWith(ViewName, name, "name") });
}
