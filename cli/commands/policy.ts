import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { Name } from "../../protocol/wire/names.ts";
import { parseJson, parseWith } from "../../protocol/wire/parse.ts";
import { PolicyList, PolicyTerms, PolicyView } from "../../protocol/wire/policy.ts";
import { at, type Client, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io } from "../io.ts";
import { readText } from "../key-files.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";

type Options = GlobalOptions & { customer: string };
const whose = ["--customer <name>", "whose"] as const;

/** `policy list`, `policy show`, `policy set`, `policy remove`. */
export function policy(group: Command, io: Io): void {
  group
    .command("list")
    .description("List how a customer's machines are patched")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture policy list --customer globex")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const policies = await everyPage<PolicyView>(async (query) => {
          const { policies: items, cursor } = await read(
            client.api.customers[":customer"].policies.$get({ param: customerOf(options as Options), query }),
            PolicyList,
          );
          return { items, cursor };
        });
        const rows = policies.map((each) => [
          each.name,
          each.group ?? (each.rule ? "by rule" : "every machine"),
          String(each.order),
          Object.keys(each.policy).join(" "),
        ]);
        return { json: { policies }, lines: table(["POLICY", "FOR", "ORDER", "SAYS"], rows) };
      }),
    );
  group
    .command("show")
    .description("Show a policy")
    .argument("<name>", "the policy's name")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture policy show all --customer globex")
    .action(
      action(io, async (options, name: string) => {
        const one = policyOf(await signedIn(io, options));
        const view = await read(one.$get({ param: paramOf(options as Options, name) }), PolicyView);
        return { json: view, lines: [JSON.stringify(view, null, 2)] };
      }),
    );
  group
    .command("set")
    .description("Say how machines are patched: waves, windows, who is asked (docs/rollouts.md)")
    .argument("<name>", "the policy's name")
    .argument("<file>", "a JSON file: policy, and group or rule where it is not for every machine")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture policy set all policy.json --customer globex")
    .action(
      action(io, async (options, name: string, file: string) => {
        const text = await readText(file);
        if (text === undefined) throw new SutureError("invalid-request", `There is no file ${file}`);
        const terms = parseJson(PolicyTerms, text, file);
        const one = policyOf(await signedIn(io, options));
        const view = await read(one.$put({ param: paramOf(options as Options, name), json: terms }), PolicyView);
        return { json: view, lines: [`Policy ${view.name} is set.`] };
      }),
    );
  group
    .command("remove")
    .description("Remove a policy")
    .argument("<name>", "the policy's name")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture policy remove nights --customer globex")
    .action(
      action(io, async (options, name: string) => {
        const one = policyOf(await signedIn(io, options));
        const view = await read(one.$delete({ param: paramOf(options as Options, name) }), PolicyView);
        return { json: view, lines: [`Policy ${view.name} is gone.`] };
      }),
    );
}

function policyOf({ api }: Client) {
  return api.customers[":customer"].policies[":policy"];
}

function customerOf({ customer }: Options) {
  return at({ customer: parseWith(Name, customer, "--customer") });
}

function paramOf(options: Options, policyName: string) {
  return { ...customerOf(options), policy: parseWith(Name, policyName, "name") };
}
