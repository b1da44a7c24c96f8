import type { Command } from "commander";
import { ApiTokenList, ApiTokenView } from "../../protocol/wire/account.ts";
import { EnrolmentTokenList, EnrolmentTokenView } from "../../protocol/wire/customer.ts";
import { at, done, everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { table } from "../table.ts";
import { enrolmentTokensOf, type TenantOptions, tenantOf, whose } from "../tenant.ts";
import { minuteOf } from "../time.ts";

type EnrolmentOptions = TenantOptions & { enrolment?: true };

/** `token list`, `token show` and `token revoke`. */
export function tokenViews(group: Command, io: Io): void {
  whose(group.command("list"))
    .description("List API tokens, or with --enrolment a customer's enrolment tokens; never their secrets")
    .option("--enrolment", "enrolment tokens")
    .addHelpText("after", "\nExample:\n  $ suture token list --customer globex")
    .action(
      action(io, (options: EnrolmentOptions) => (options.enrolment ? listEnrolments(io, options) : list(io, options))),
    );
  whose(group.command("show"))
    .description("Show an API token, or with --enrolment an enrolment token; never its secret")
    .argument("<id>", "as `token list` shows it")
    .option("--enrolment", "an enrolment token")
    .addHelpText("after", "\nExample:\n  $ suture token show --customer globex ID")
    .action(
      action(io, async (options: EnrolmentOptions, id: string) => {
        if (options.enrolment) return await showEnrolment(io, id, options);
        const { tenant, param } = await tenantOf(io, options);
        const token = await read(
          tenant["api-tokens"][":token"].$get({ param: { ...param, ...at({ token: id }) } }),
          ApiTokenView,
        );
        return { json: token, lines: table(heads, [rowOf(token)]) };
      }),
    );
  whose(group.command("revoke"))
    .description("Revoke an API token, or with --enrolment an enrolment token, for good")
    .argument("<id>", "as `token list` shows it")
    .option("--enrolment", "an enrolment token; hosts that enrolled with it stay")
    .addHelpText("after", "\nExample:\n  $ suture token revoke --customer globex ID")
    .action(
      action(io, async (options: EnrolmentOptions, id: string) => {
        if (options.enrolment) return await revokeEnrolment(io, id, options);
        const { tenant, param } = await tenantOf(io, options);
        await done(tenant["api-tokens"][":token"].$delete({ param: { ...param, ...at({ token: id }) } }));
        return { json: { revoked: id }, lines: ["The token opens nothing any more."] };
      }),
    );
}

async function list(io: Io, options: TenantOptions): Promise<Result> {
  const { tenant, param } = await tenantOf(io, options);
  const tokens = await everyPage<ApiTokenView>(async (query) => {
    const { tokens: items, cursor } = await read(tenant["api-tokens"].$get({ param, query }), ApiTokenList);
    return { items, cursor };
  });
  return { json: { tokens }, lines: table(heads, tokens.map(rowOf)) };
}

const heads = ["ID", "ROLE", "LABEL", "SCOPES", "UNTIL (UTC)"];

function rowOf({ id, role, label, scopes, expiresAt, revokedAt }: ApiTokenView): string[] {
  const until = revokedAt === undefined ? minuteOf(expiresAt) : "revoked";
  return [id, role, label, scopes?.join(" ") ?? "all", until];
}

async function listEnrolments(io: Io, options: TenantOptions): Promise<Result> {
  const { enrolmentTokens, param } = await enrolmentTokensOf(io, options);
  const tokens = await everyPage<EnrolmentTokenView>(async (query) => {
    const { tokens: items, cursor } = await read(enrolmentTokens.$get({ param, query }), EnrolmentTokenList);
    return { items, cursor };
  });
  return { json: { tokens }, lines: table(enrolmentHeads, tokens.map(enrolmentRow)) };
}

async function showEnrolment(io: Io, id: string, options: TenantOptions): Promise<Result> {
  const { enrolmentTokens, param } = await enrolmentTokensOf(io, options);
  const one = enrolmentTokens[":token"].$get({ param: { ...param, ...at({ token: id }) } });
  const token = await read(one, EnrolmentTokenView);
  return { json: token, lines: table(enrolmentHeads, [enrolmentRow(token)]) };
}

async function revokeEnrolment(io: Io, id: string, options: TenantOptions): Promise<Result> {
  const { enrolmentTokens, param } = await enrolmentTokensOf(io, options);
  await done(enrolmentTokens[":token"].$delete({ param: { ...param, ...at({ token: id }) } }));
  return { json: { revoked: id }, lines: ["No host enrols with the token any more. Those that did stay."] };
}

const enrolmentHeads = ["ID", "GROUP", "TAGS", "USES LEFT", "UNTIL (UTC)"];

function enrolmentRow({ id, group, tags, usesLeft, expiresAt, revokedAt }: EnrolmentTokenView): string[] {
  const until = revokedAt === undefined ? minuteOf(expiresAt) : "revoked";
  return [id, group, tags.join(" "), String(usesLeft), until];
}
