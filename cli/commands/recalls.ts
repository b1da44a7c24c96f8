import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { Name, PatchId, parsePatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { type RecallOnMachine, RecallsOnMachines, RecallView } from "../../protocol/wire/recalls.ts";
import { at, atPatch, everyPage, patchOf, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { asPublisher, signedIn } from "../session.ts";
import { table } from "../table.ts";
import type { TenantOptions } from "../tenant.ts";
import { minuteOf } from "../time.ts";

export function recalls(program: Command, io: Io): void {
  program
    .command("recalls")
    .description("Say how far recalls have come, and how long each machine took to undo the patch")
    .argument("[patch]", "vendor/product/channel/patch@version; needed without --customer")
    .option("--customer <name>", "a customer's machines, one by one")
    .option("--vendor <name>", "ask as this vendor")
    .option("--keys <folder>", "the vendor's folder (default: ~/.config/suture/NAME)")
    .addHelpText(
      "after",
      `
A machine that was not heard from since the recall is undo-pending, never undone.

Examples:
  $ suture recalls acme/echod/stable/bounds-check@1      an operator, or the vendor: how many, how fast
  $ suture recalls --customer globex                     the machines of globex`,
    )
    .action(action(io, (options, patch?: string) => run(io, patch, options)));
}

async function run(io: Io, patch: string | undefined, options: TenantOptions): Promise<Result> {
  if (options.customer !== undefined) return await onMachines(io, patch, options.customer, options);
  if (patch === undefined)
    throw new SutureError("invalid-request", "Say which patch, or whose machines: --customer NAME");
  const param = at(atPatch(parseWith(PatchId, patch, "patch")));
  const asVendor = options.vendor !== undefined || options.keys !== undefined;
  const client = asVendor
    ? (await asPublisher(io, { ...options, vendor: options.vendor ?? parsePatchId(patch).vendor })).client
    : await signedIn(io, options);
  const view = await read(patchOf(client).recall.$get({ param }), RecallView);
  if (!view.recalled) return { json: view, lines: [`${view.patch} is not recalled.`] };
  const { undone, pending, medianSeconds, slowestSeconds, isSample } = view;
  const times =
    slowestSeconds === null ? "" : `, in the middle after ${medianSeconds} s, the slowest after ${slowestSeconds} s`;
  return {
    json: view,
    lines: [
      `${view.patch}, recalled by its ${view.by === "vendor" ? "vendor" : "operator"} at ${view.at}: ${view.reason}`,
      `  undone        ${undone}${times}`,
      `  undo-pending  ${pending}`,
      ...(isSample ? ["  These are some of its machines; with --customer each is listed."] : []),
      ...(view.public ? [] : ["  The signed statement is not public yet."]),
    ],
  };
}

async function onMachines(
  io: Io,
  patch: string | undefined,
  customer: string,
  options: TenantOptions,
): Promise<Result> {
  const of = patch === undefined ? {} : { patch: parseWith(PatchId, patch, "patch") };
  const param = at({ customer: parseWith(Name, customer, "--customer") });
  const { api } = await signedIn(io, options);
  const machines = await everyPage<RecallOnMachine>(async (query) => {
    const { machines: items, cursor } = await read(
      api.customers[":customer"].recalls.$get({ param, query: { ...of, ...query } }),
      RecallsOnMachines,
    );
    return { items, cursor };
  });
  const rows = machines.map(({ patch: id, hostname, machine, state, seconds, recalledAt, seenAt }) => [
    id,
    hostname || machine,
    state,
    seconds === null ? "-" : `${seconds} s`,
    minuteOf(recalledAt),
    minuteOf(seenAt),
  ]);
  const heads = ["PATCH", "HOST", "STATE", "TOOK", "RECALLED (UTC)", "SEEN (UTC)"];
  return {
    json: { customer, machines },
    lines: rows.length === 0 ? [`No machine of ${customer} had a patch when it was recalled.`] : table(heads, rows),
  };
}
