import type { Command } from "commander";
import { csvLine } from "../../protocol/csv.ts";
import { SutureError } from "../../protocol/errors.ts";
import { AuditList, type AuditView } from "../../protocol/wire/audit.ts";
import { read } from "../client.ts";
import { action, type Io, type Result } from "../io.ts";
import { signedIn } from "../session.ts";
import { type TenantOptions, tenantOf, whose } from "../tenant.ts";

type Options = TenantOptions & { csv?: true; since?: string };
type Page = (query: { cursor?: string }) => Promise<AuditList>;

export function audit(program: Command, io: Io): void {
  whose(program.command("audit"))
    .description("Export the log of changes, newest first: who, what, why, before and after")
    .option("--since <date>", "only what came at this time or later, as 2026-11-01 or 2026-11-01T12:00Z")
    .option("--csv", "as comma-separated values, for a spreadsheet")
    .addHelpText(
      "after",
      `
One JSON object a line; with --json all in one. What jobs of the service did stands there too, as "service, gates" and the like.
Without --customer and --vendor: changes that concern no tenant.

Examples:
  $ suture audit --customer globex > globex.ndjson
  $ suture audit --vendor acme --since 2026-11-01 --csv > november.csv`,
    )
    .action(action(io, (options) => run(io, options)));
}

async function run(io: Io, options: Options): Promise<Result> {
  const since = options.since === undefined ? 0 : Date.parse(options.since);
  if (Number.isNaN(since)) {
    throw new SutureError("invalid-request", `--since ${options.since} is no date, such as 2026-11-01`);
  }
  const ofService = options.customer === undefined && options.vendor === undefined;
  const entries = await entriesSince(since, ofService ? await ofNoTenant(io, options) : await ofTenant(io, options));
  const rows = entries.map(({ at, who, what, why = "", before, after }) => [
    at,
    who,
    what,
    why,
    textOf(before),
    textOf(after),
  ]);
  return {
    json: { entries },
    lines: options.csv
      ? [["at", "who", "what", "why", "before", "after"], ...rows].map(csvLine)
      : entries.map((entry) => JSON.stringify(entry)),
  };
}

/** Page by page from the newest on, so that what is older is not read. */
async function entriesSince(since: number, page: Page): Promise<AuditView[]> {
  const found: AuditView[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(cursor === undefined ? {} : { cursor });
    found.push(...next.entries.filter(({ at }) => Date.parse(at) >= since));
    const isOver = next.entries.some(({ at }) => Date.parse(at) < since);
    cursor = isOver ? undefined : next.cursor;
  } while (cursor !== undefined);
  return found;
}

async function ofNoTenant(io: Io, options: TenantOptions): Promise<Page> {
  const { api } = await signedIn(io, options);
  return (query) => read(api.audit.$get({ query }), AuditList);
}

async function ofTenant(io: Io, options: TenantOptions): Promise<Page> {
  const { tenant, param } = await tenantOf(io, options);
  return (query) => read(tenant.audit.$get({ param, query }), AuditList);
}

function textOf(value: unknown): string {
  return value === undefined ? "" : JSON.stringify(value);
}
