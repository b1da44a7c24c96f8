import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { NewApiToken } from "../../protocol/wire/account.ts";
import { EnrolmentTokenCreated } from "../../protocol/wire/customer.ts";
import type { Client } from "../client.ts";
import { action, type GlobalOptions, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";

type Options = GlobalOptions & { customer: string; group?: string; uses?: string; expiresIn: string; portal?: true };

export function tokenCreate(group: Command, io: Io): void {
  group
    .command("create")
    .description("Make a token with which hosts enrol, or, with --portal, one that signs a person in")
    .requiredOption("--customer <name>", "whose")
    .option("--group <name>", "the group that the hosts join; made where it is new (default: default)")
    .option("--uses <number>", "how many hosts may enrol with it (default: 1)")
    .option("--expires-in <time>", "such as 12h or 30d", "24h")
    .option("--portal", "an API token that reads the customer's fleet and signs in to the portal")
    .addHelpText(
      "after",
      `
Takes an operator's token in SUTURE_TOKEN. The new token goes to standard output, alone, this
once: the service keeps only its hash.

Examples:
  $ suture token create --customer globex --group web --uses 20 --expires-in 7d > token
  $ suture token create --customer globex --portal --expires-in 30d`,
    )
    .action(action(io, (options) => run(io, options as Options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const expiresInHours = hoursOf(options.expiresIn);
  const client = await signedIn(io, options);
  const path = `/v1/customers/${encodeURIComponent(options.customer)}`;
  return options.portal
    ? await portalToken(client, path, options, expiresInHours)
    : await enrolmentToken(client, path, options, expiresInHours);
}

async function enrolmentToken(client: Client, path: string, options: Options, expiresInHours: number): Promise<Result> {
  const { group, uses } = options;
  const created = await client.call("POST", `${path}/enrolment-tokens`, EnrolmentTokenCreated, {
    ...(group !== undefined && { group }),
    ...(uses !== undefined && { uses: Number(uses) }),
    expiresInHours,
  });
  const { token, customer, group: joined, uses: left, expiresAt } = created;
  return {
    json: created,
    lines: [token],
    notes: [
      `Enrols ${left === 1 ? "one host" : `${left} hosts`} of ${customer} into the group ${joined} until ${expiresAt}:`,
      `  suture-agent enroll --server ${client.service} --token-file FILE`,
    ],
  };
}

async function portalToken(client: Client, path: string, options: Options, expiresInHours: number): Promise<Result> {
  if (options.group !== undefined || options.uses !== undefined) {
    throw new SutureError(
      "invalid-request",
      "--group and --uses are an enrolment token's, and do not go with --portal",
    );
  }
  const created = await client.call("POST", `${path}/api-tokens`, NewApiToken, {
    role: "viewer",
    label: "portal",
    expiresInHours,
  });
  return {
    json: { ...created, customer: options.customer },
    lines: [created.token],
    notes: [`Signs in to the portal at ${client.service} as ${options.customer} until ${created.expiresAt}.`],
  };
}

function hoursOf(time: string): number {
  const [, count, unit] = /^(\d{1,5})([hd])$/.exec(time) ?? [];
  if (count === undefined)
    throw new SutureError("invalid-request", `--expires-in ${time} is no time such as 12h or 30d`);
  return Number(count) * (unit === "d" ? 24 : 1);
}
