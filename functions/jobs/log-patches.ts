import type { AuditStore } from "../stores/audit.ts";
import type { TableChange } from "../stores/streams.ts";
import { appendEntries, type LogEntry } from "./log-entries.ts";

/** Logs what became of patches: what goes live and leaves follows from what the vendor signed. */
export async function logPatches(batch: readonly TableChange[], { audit }: { audit: AuditStore }): Promise<void> {
  await appendEntries(batch, entryOf, audit);
}

function entryOf({ table, newImage, oldImage }: TableChange): LogEntry | undefined {
  if (table !== "patches" || newImage === undefined || newImage.state === oldImage?.state) return undefined;
  const seen = ({ state }: Record<string, unknown>) => ({ state });
  return {
    log: `vendor/${String(newImage.vendor)}`,
    who: "service, publish",
    what: `${String(newImage.state)}: ${String(newImage.id)}`,
    ...(typeof newImage.reason === "string" && { why: newImage.reason }),
    before: oldImage && seen(oldImage),
    after: seen(newImage),
  };
}
