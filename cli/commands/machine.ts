import type { Command } from "commander";
import { MachineView } from "../../protocol/wire/customer.ts";
import { MachineId, Name } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { isRefusing, refusedThing } from "../../protocol/wire/refusal.ts";
import { at, type Client, read } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { table } from "../table.ts";
import { minuteOf } from "../time.ts";

type Options = GlobalOptions & { customer: string };
const whose = ["--customer <name>", "whose"] as const;

/** `machine show`, `machine retire`. */
export function machine(group: Command, io: Io): void {
  group
    .command("show")
    .description("Show a machine and what became of each patch there")
    .argument("<machine>", "the machine's id")
    .requiredOption(...whose)
    .addHelpText("after", "\nExample:\n  $ suture machine show m-0123456789abcdef0123456789abcdef --customer globex")
    .action(
      action(io, async (options, id: string) => {
        const param = paramOf(options as Options, id);
        const view = await read(oneOf(await signedIn(io, options)).$get({ param }), MachineView);
        return { json: view, lines: linesOf(view) };
      }),
    );
  group
    .command("retire")
    .description("Take a machine out of the fleet: its seats are free at once, and what is applied there stays")
    .argument("<machine>", "the machine's id")
    .requiredOption(...whose)
    .addHelpText(
      "after",
      "\nIf it comes back it is refused, and must be enrolled anew: suture-agent unenroll, then suture-agent enroll.\n\nExample:\n  $ suture machine retire m-0123456789abcdef0123456789abcdef --customer globex",
    )
    .action(
      action(io, async (options, id: string): Promise<Result> => {
        const param = paramOf(options as Options, id);
        const view = await read(oneOf(await signedIn(io, options)).$delete({ param }), MachineView);
        return { json: view, lines: [`${view.machine} (${view.hostname}) is retired. Its seats are free.`] };
      }),
    );
}

/** What became of a patch on a machine, in a word or two. */
export function stateOf({ state, trouble, partial }: MachineView["patches"][number]): string {
  if (trouble !== undefined) return `${state}, then ${trouble.kind}`;
  return partial === undefined
    ? state
    : `${state} in ${partial.patched} of ${partial.patched + partial.skipped} processes`;
}

/** Whether a machine is seen, and whether it refuses what it is sent. */
export function presenceOf({ liveness, refusals }: Pick<MachineView, "liveness" | "refusals">): string {
  return isRefusing(refusals) ? `${liveness}, refusing` : liveness;
}

function refusalLine(refusal: MachineView["refusals"][number]): string {
  const { code, detail, since, last, over } = refusal;
  const until = over === undefined ? `last ${minuteOf(last)}, STILL` : `until ${minuteOf(over)}`;
  return `${refusedThing(refusal)} (${code}) from ${minuteOf(since)}, ${until}: ${detail}`;
}

function linesOf(view: MachineView): string[] {
  const { hostname, group, tags, arch, kernel, agent, failedUpdate, refusals } = view;
  const { seenAt, enrolledAt, liveness, ephemeral, retired } = view;
  const why = retired === undefined ? "" : `, by ${retired.by === "itself" ? "its own word" : "an operator"}`;
  const facts = [
    ["machine", view.machine],
    ["host", hostname],
    ["group", [group, ...tags.map((tag) => `#${tag}`)].join(" ")],
    ["system", `${kernel} ${arch}, agent ${agent}`],
    ...(failedUpdate === undefined ? [] : [["update", `${failedUpdate.version} failed: ${failedUpdate.why}`]]),
    ...refusals.map((each) => ["refused", refusalLine(each)]),
    ["seen", `${minuteOf(seenAt)} UTC, ${liveness}${why}${ephemeral ? ", ephemeral" : ""}`],
    ["enrolled", `${minuteOf(enrolledAt)} UTC`],
  ];
  const patches = view.patches.map((each) => [each.patch, stateOf(each), minuteOf(each.at), each.detail]);
  const lines = facts.map(([name = "", value = ""]) => `${name.padEnd(9)} ${value.replace(/\p{Cc}/gu, "?")}`);
  return patches.length === 0 ? lines : [...lines, ...table(["PATCH", "STATE", "SINCE (UTC)", "DETAIL"], patches)];
}

function oneOf({ api }: Client) {
  return api.customers[":customer"].machines[":machine"];
}

function paramOf({ customer }: Options, id: string) {
  return at({ customer: parseWith(Name, customer, "--customer"), machine: parseWith(MachineId, id, "machine") });
}
