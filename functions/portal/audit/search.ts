import type { z } from "zod";
import type { AuditList, AuditView } from "../../../protocol/wire/audit.ts";

/** What entries are wanted: texts that are in them, and days (UTC, both included). What is not there narrows nothing. */
export type AuditFilter = { who?: string; what?: string; from?: string; to?: string };

/** The log is kept by time alone, so a search reads it; a page that is looked for stops after so many reads and goes on from there. */
const mostReads = 10;
const rowsWanted = 50;

type Read = (cursor: string | undefined) => Promise<z.infer<typeof AuditList>>;

/**
 * The next entries that match, newest first, from where `cursor` was given.
 * @returns with a cursor where the log goes on; entries may be few, or none, although it does
 */
export async function searchAudit(
  read: Read,
  filter: AuditFilter,
  { cursor, reads = mostReads, rows = rowsWanted }: { cursor?: string | undefined; reads?: number; rows?: number },
): Promise<{ entries: AuditView[]; next: string | undefined }> {
  const entries: AuditView[] = [];
  let at = cursor;
  for (let count = 0; count < reads && entries.length < rows; count++) {
    const page = await read(at);
    entries.push(...page.entries.filter((entry) => matches(entry, filter)));
    const isBefore =
      filter.from !== undefined && page.entries.some((entry) => entry.at.slice(0, 10) < (filter.from ?? ""));
    if (page.cursor === undefined || isBefore) return { entries, next: undefined };
    at = page.cursor;
  }
  return { entries, next: at };
}

function matches({ at, who, what }: AuditView, filter: AuditFilter): boolean {
  const day = at.slice(0, 10);
  const holds = (text: string, part: string | undefined) =>
    part === undefined || text.toLowerCase().includes(part.toLowerCase());
  return (
    holds(who, filter.who) &&
    holds(what, filter.what) &&
    (filter.from === undefined || day >= filter.from) &&
    (filter.to === undefined || day <= filter.to)
  );
}
