import type { Command } from "commander";
import type { z } from "zod";
import { ApiTokenList, ApiTokenView } from "../../protocol/wire/account.ts";
import { EnrolmentTokenList } from "../../protocol/wire/customer.ts";
import { at, done, everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { table } from "../table.ts";
import { enrolmentTokensOf, type TenantOptions, tenantOf, whose } from "../tenant.ts";
import { minuteOf } from "../time.ts";

type Enrolment = z.infer<typeof EnrolmentTokenList>["tokens"][number];

/** `token list`, `token show` and `token revoke`. */
export function tokenViews(group: Command, io: Io): void {
  whose(group.command("list"))
    .description("List API tokens, or with --enrolment a customer's enrolment tokens; never their secrets")
    .option("--enrolment", "enrolment tokens")
    .addHelpText("after", "\nExample:\n  $ suture token list --customer globex")
    .action(
      action(io, (options: TenantOptions & { enrolment?: true }) =>
        options.enrolment ? listEnrolments(io, options) : list(io, options),
      ),
    );
  whose(group.command("show"))
    .description("Show an API token, without its secret")
    .argument("<id>", "as `token list` shows it")
    .addHelpText("after", "\nExample:\n  $ suture token show --customer globex ID")
    .action(
      action(io, async (options: TenantOptions, id: string) => {
        const { tenant, param } = await tenantOf(io, options);
        const token = await read(
          tenant["api-tokens"][":token"].$get({ param: { ...param, ...at({ token: id }) } }),
          ApiTokenView,
        );
        return { json: token, lines: table(heads, [rowOf(token)]) };
      }),
    );
  whose(group.command("revoke"))
    .description("Revoke an API token, for good")
    .argument("<id>", "as `token list` shows it")
    .addHelpText("after", "\nExample:\n  $ suture token revoke --customer globex ID")
    .action(
      action(io, async (options: TenantOptions, id: string) => {
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
  const tokens = await everyPage<Enrolment>(async (query) => {
    const { tokens: items, cursor } = await read(enrolmentTokens.$get({ param, query }), EnrolmentTokenList);
    return { items, cursor };
  });
  const rows = tokens.map(({ id, group, tags, usesLeft, expiresAt }) => [
    id,
    group,
    tags.join(" "),
    String(usesLeft),
    minuteOf(expiresAt),
  ]);
  return { json: { tokens }, lines: table(["ID", "GROUP", "TAGS", "USES LEFT", "UNTIL (UTC)"], rows) };
}
