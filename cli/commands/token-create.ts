import type { Command } from "commander";
import { SutureError } from "../../protocol/errors.ts";
import { NewApiToken, Scopes, TenantRole } from "../../protocol/wire/account.ts";
import { EnrolmentTokenCreated } from "../../protocol/wire/customer.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { enrolmentTokensOf, type TenantOptions, tenantOf, whose } from "../tenant.ts";
import { hoursOf } from "../time.ts";

type EnrolmentOptions = { group?: string; tag?: string[]; uses?: string; ephemeral?: true };
type ApiOptions = { api?: true; portal?: true; role?: string; label?: string; scope?: string[] };
type Options = TenantOptions & EnrolmentOptions & ApiOptions & { expiresIn: string };

export function tokenCreate(group: Command, io: Io): void {
  whose(group.command("create"))
    .description("Make a token with which hosts enrol; with --api one for a program, with --portal one for a person")
    .option("--group <name>", "the group that the hosts join; made where it is new (default: default)")
    .option("--tag <name...>", "what the hosts are marked with")
    .option("--uses <number>", "how many hosts may enrol with it (default: 1)")
    .option("--ephemeral", "for hosts that go away by themselves: they retire when they stop, or 3 hours after")
    .option("--expires-in <time>", "such as 15m, 12h or 30d", "24h")
    .option("--api", "an API token")
    .option("--portal", "an API token that reads the customer's fleet and signs in to the portal")
    .option("--role <role>", "with --api: owner, operator or viewer of a customer; publisher or viewer of a vendor")
    .option("--scope <scope...>", "with --api: what it is limited to, such as machines:read")
    .option("--label <text>", "with --api: what it is for")
    .addHelpText(
      "after",
      `
The new token goes to standard output, alone, this once: the service keeps only its hash.

Examples:
  $ suture token create --customer globex --group web --uses 20 --expires-in 7d > token
  $ suture token create --customer globex --group workers --ephemeral --uses 10000 --expires-in 365d > image.token
  $ suture token create --customer globex --portal --expires-in 30d
  $ suture token create --customer globex --api --role viewer --scope machines:read --label wallboard`,
    )
    .action(action(io, (options) => run(io, options as Options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const isApi = options.api === true || options.portal === true;
  const [stray] = Object.entries(isApi ? enrolmentOnly(options) : apiOnly(options)).find(([, value]) => value) ?? [];
  if (stray !== undefined) {
    const kind = isApi ? "an API token" : "an enrolment token: say --api where you mean the other";
    throw new SutureError("invalid-request", `${stray} does not go with ${kind}`);
  }
  return isApi ? await apiToken(io, options) : await enrolmentToken(io, options);
}

async function enrolmentToken(io: Io, options: Options): Promise<Result> {
  const { client, enrolmentTokens, param } = await enrolmentTokensOf(io, options);
  const { group, tag, uses, ephemeral } = options;
  const json = {
    ...(group !== undefined && { group }),
    ...(tag !== undefined && { tags: tag }),
    ...(uses !== undefined && { uses: Number(uses) }),
    ...(ephemeral !== undefined && { ephemeral }),
    expiresInHours: hoursOf("--expires-in", options.expiresIn),
  };
  const created = await read(enrolmentTokens.$post({ param, json }), EnrolmentTokenCreated);
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

async function apiToken(io: Io, options: Options): Promise<Result> {
  const { client, tenant, param, name } = await tenantOf(io, options);
  const { role = "viewer", scope, portal, label = portal ? "portal" : "cli" } = options;
  const json = {
    role: parseWith(TenantRole, role, "--role"),
    label,
    expiresInHours: hoursOf("--expires-in", options.expiresIn),
    ...(scope !== undefined && { scopes: parseWith(Scopes, scope, "--scope") }),
  };
  const created = await read(tenant["api-tokens"].$post({ param, json }), NewApiToken);
  const use = portal ? `Signs in to the portal at ${client.service}` : `Is ${role}`;
  return {
    json: { ...created, ...(options.customer !== undefined && { customer: name }) },
    lines: [created.token],
    notes: [`${use} as ${name} until ${created.expiresAt}.`],
  };
}

function enrolmentOnly({ group, tag, uses, ephemeral }: EnrolmentOptions) {
  return { "--group": group, "--tag": tag, "--uses": uses, "--ephemeral": ephemeral };
}

function apiOnly({ role, scope, label }: ApiOptions) {
  return { "--role": role, "--scope": scope, "--label": label };
}
