import type { Command } from "commander";
import { Name, PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { type RolloutDecision, RolloutList, RolloutView } from "../../protocol/wire/rollout.ts";
import { at, atPatch, type Client, everyPage, read } from "../client.ts";
import { action, type GlobalOptions, type Io } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";

type Options = GlobalOptions & { customer: string; note?: string; undo?: boolean };
const whose = ["--customer <name>", "whose"] as const;

/** What a person may do to a rollout, and how the command says it. */
const decisions: readonly { verb: RolloutDecision["do"]; does: string }[] = [
  { verb: "approve", does: "Let machines whose policy asks first go ahead" },
  { verb: "halt", does: "Stop a rollout" },
  { verb: "resume", does: "Go on after a halt; what failed before is forgiven" },
  { verb: "skip", does: "Open the next wave now" },
  { verb: "abort", does: "End a rollout for good" },
  { verb: "note", does: "Leave a note for the review" },
];

/** `rollout list`, `rollout show`, and a command for each decision. */
export function rollout(group: Command, io: Io): void {
  group
    .command("list")
    .description("List a customer's rollouts")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture rollout list --customer globex")
    .action(
      action(io, async (options) => {
        const client = await signedIn(io, options);
        const rollouts = await everyPage<RolloutView>(async (query) => {
          const { rollouts: items, cursor } = await read(
            client.api.customers[":customer"].rollouts.$get({ param: customerOf(options as Options), query }),
            RolloutList,
          );
          return { items, cursor };
        });
        return { json: { rollouts }, lines: table(heads, rollouts.map(rowOf)) };
      }),
    );
  group
    .command("show")
    .description("Show how far a rollout is, what failed and why, who decided what and when")
    .argument("<patch>", "vendor/product/channel/patch@version")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture rollout show acme/echod/stable/bounds-check@4 --customer globex")
    .action(
      action(io, async (options, patch: string) => {
        const client = await signedIn(io, options);
        const view = await read(rolloutsOf(client).$get({ param: paramOf(options as Options, patch) }), RolloutView);
        return { json: view, lines: reviewOf(view) };
      }),
    );
  for (const { verb, does } of decisions) {
    const command = group
      .command(verb)
      .description(does)
      .argument("<patch>", "vendor/product/channel/patch@version")
      .requiredOption(...whose)
      .addHelpText(
        "after",
        `\nExample:\n  $ suture rollout ${verb} acme/echod/stable/bounds-check@4 --customer globex`,
      );
    if (verb === "note") command.requiredOption("--note <text>", "what there is to say");
    else command.option("--note <text>", "why, for the review");
    if (verb === "halt" || verb === "abort") {
      command
        .option("--undo", "take the patch out where it is applied")
        .option("--no-undo", "leave it where it is applied");
    }
    command.action(
      action(io, async (options, patch: string) => {
        const { note, undo } = options as Options;
        const decision = { do: verb, ...(note !== undefined && { note }), ...(undo !== undefined && { undo }) };
        const client = await signedIn(io, options);
        const view = await read(
          rolloutsOf(client).$post({ param: paramOf(options as Options, patch), json: decision }),
          RolloutView,
        );
        return { json: view, lines: table(heads, [rowOf(view)]) };
      }),
    );
  }
}

const heads = ["PATCH", "STATE", "WAVE", "APPLIED", "PARTIAL", "FAILED", "UNDONE"];

function rowOf({ patch, state, wave, waves, machines }: RolloutView): string[] {
  const { applied, partial, failed, undone } = machines;
  return [patch, state, `${wave} of ${waves.length}`, ...[applied, partial, failed, undone].map(String)];
}

function reviewOf(view: RolloutView): string[] {
  const causes = Object.entries(view.machines.causes).map(([cause, count]) => `${count} ${cause}`);
  const rows = view.history.map(({ at, what, wave, by, detail }) => [minuteOf(at), what, String(wave), by, detail]);
  return [
    ...table(heads, [rowOf(view)]),
    gateLine(view),
    ...(causes.length > 0 ? [`Failures: ${causes.join(", ")}`] : []),
    "",
    ...table(["WHEN (UTC)", "WHAT", "WAVE", "BY", "DETAIL"], rows),
  ];
}

/** What the next wave and a halt depend on, in numbers. */
function gateLine({ gate, failureLimit }: RolloutView): string {
  const { rollout: weighed, tried, machines, wanted, bakesUntil } = gate;
  const percent = (share: number) => `${(share * 100).toFixed(1)} %`;
  return (
    `Gate: ${tried} of ${machines} machines tried, ${wanted} wanted; watched until ${minuteOf(bakesUntil)}; ` +
    `${weighed.failures} of ${weighed.attempts} failed, at least ${percent(weighed.lowerBound)}, limit ${percent(failureLimit)}`
  );
}

function customerOf({ customer }: Options) {
  return at({ customer: parseWith(Name, customer, "--customer") });
}

function rolloutsOf({ api }: Client) {
  return api.customers[":customer"].rollouts[":vendor"][":product"][":channel"][":patch"];
}

function paramOf(options: Options, patch: string) {
  return { ...customerOf(options), ...at(atPatch(parseWith(PatchId, patch, "patch"))) };
}
