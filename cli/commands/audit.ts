import type { Command } from "commander";
import { AuditList, type AuditView } from "../../protocol/wire/audit.ts";
import { everyPage, read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { type TenantOptions, tenantOf, whose } from "../tenant.ts";

export function audit(program: Command, io: Io): void {
  whose(program.command("audit"))
    .description("Export the log of changes, newest first: who, what, before and after")
    .addHelpText(
      "after",
      `
One JSON object a line; with --json all in one. Without --customer and --vendor: changes that concern no tenant.

Example:
  $ suture audit --customer globex > globex.jsonl`,
    )
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: TenantOptions): Promise<Result> {
  const ofService = options.customer === undefined && options.vendor === undefined;
  const page = ofService ? await ofNoTenant(io, options) : await ofTenant(io, options);
  const entries = await everyPage<AuditView>(async (query) => {
    const { entries: items, cursor } = await page(query);
    return { items, cursor };
  });
  return { json: { entries }, lines: entries.map((entry) => JSON.stringify(entry)) };
}

async function ofNoTenant(io: Io, options: TenantOptions) {
  const { api } = await signedIn(io, options);
  return (query: { cursor?: string }) => read(api.audit.$get({ query }), AuditList);
}

async function ofTenant(io: Io, options: TenantOptions) {
  const { tenant, param } = await tenantOf(io, options);
  return (query: { cursor?: string }) => read(tenant.audit.$get({ param, query }), AuditList);
}
