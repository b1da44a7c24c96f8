import type { Command } from "commander";
import { NewApiToken, TenantRole } from "../../protocol/wire/account.ts";
import { InvitationCreated, MemberList, MemberView } from "../../protocol/wire/members.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { at, done, everyPage, read, serviceClient } from "../client.ts";
import { action, type GlobalOptions, type Io } from "../io.ts";
import { secretFrom } from "../secret.ts";
import { serviceOf } from "../session.ts";
import { table } from "../table.ts";
import { type TenantOptions, tenantOf, whose } from "../tenant.ts";
import { minuteOf } from "../time.ts";

/** `member list`, `member show`, `member invite`, `member accept`, `member remove`. */
export function member(group: Command, io: Io): void {
  whose(group.command("list"))
    .description("List a tenant's people and their roles")
    .addHelpText("after", "\nExample:\n  $ suture member list --customer globex")
    .action(
      action(io, async (options: TenantOptions) => {
        const { tenant, param } = await tenantOf(io, options);
        const members = await everyPage<MemberView>(async (query) => {
          const { members: items, cursor } = await read(tenant.members.$get({ param, query }), MemberList);
          return { items, cursor };
        });
        const rows = members.map(({ user, role, joinedAt }) => [user, role, minuteOf(joinedAt)]);
        return { json: { members }, lines: table(["PERSON", "ROLE", "SINCE (UTC)"], rows) };
      }),
    );
  whose(group.command("invite"))
    .description("Invite a person; the invitation goes to standard output, this once")
    .argument("<user>", "an e-mail address")
    .requiredOption("--role <role>", "owner, operator or viewer of a customer; publisher or viewer of a vendor")
    .addHelpText("after", "\nExample:\n  $ suture member invite ann@example.com --customer globex --role operator")
    .action(
      action(io, async (options: TenantOptions & { role?: string }, user: string) => {
        const { tenant, param } = await tenantOf(io, options);
        const role = parseWith(TenantRole, options.role, "--role");
        const created = await read(tenant.invitations.$post({ param, json: { user, role } }), InvitationCreated);
        const notes = [`For ${user}, until ${created.expiresAt}: suture member accept --invitation-file FILE`];
        return { json: created, lines: [created.invitation], notes };
      }),
    );
  whose(group.command("show"))
    .description("Show a person and the role")
    .argument("<user>", "an e-mail address")
    .addHelpText("after", "\nExample:\n  $ suture member show ann@example.com --customer globex")
    .action(
      action(io, async (options: TenantOptions, user: string) => {
        const { tenant, param } = await tenantOf(io, options);
        const found = await read(tenant.members[":user"].$get({ param: { ...param, ...at({ user }) } }), MemberView);
        return { json: found, lines: [`${found.user}, ${found.role}, since ${minuteOf(found.joinedAt)} (UTC)`] };
      }),
    );
  whose(group.command("remove"))
    .description("Let a person go; the person's tokens end with it")
    .argument("<user>", "an e-mail address")
    .addHelpText("after", "\nExample:\n  $ suture member remove ann@example.com --customer globex")
    .action(
      action(io, async (options: TenantOptions, user: string) => {
        const { tenant, param } = await tenantOf(io, options);
        await done(tenant.members[":user"].$delete({ param: { ...param, ...at({ user }) } }));
        return { json: { removed: user }, lines: [`${user} is gone.`] };
      }),
    );
  group
    .command("accept")
    .description("Accept an invitation; your API token goes to standard output, this once")
    .requiredOption("--invitation-file <file>", "the file that holds it")
    .addHelpText("after", "\nExample:\n  $ suture member accept --invitation-file invitation > token")
    .action(
      action(io, async (options: GlobalOptions & { invitationFile?: string }) => {
        const invitation = await secretFrom("--invitation-file", options.invitationFile);
        const client = serviceClient(serviceOf(io, options));
        const created = await read(client.api.invitations.accept.$post({ json: { invitation } }), NewApiToken);
        return {
          json: created,
          lines: [created.token],
          notes: [`You are ${created.label}, until ${created.expiresAt}.`],
        };
      }),
    );
}
