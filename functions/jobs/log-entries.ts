import type { AuditEntry, AuditStore } from "../stores/audit.ts";
import type { TableChange } from "../stores/streams.ts";
import { eachApart } from "./apart.ts";

/** A change that a job made: in whose log it stands, and what the log says. */
export type LogEntry = Pick<AuditEntry, "log" | "who" | "what"> & {
  why?: string | undefined;
  before?: unknown;
  after: unknown;
};

/**
 * Appends what some changes say, under the stream's own ids, so that one that comes twice is logged once. One that fails keeps no other.
 * @param entryOf what a change says, where it says something
 */
export async function appendEntries(
  batch: readonly TableChange[],
  entryOf: (change: TableChange) => LogEntry | undefined,
  audit: AuditStore,
): Promise<void> {
  await eachApart(batch, 1, async (change) => {
    const found = entryOf(change);
    if (found === undefined) return;
    const { before, after, why, ...entry } = found;
    const images = { ...(before !== undefined && { before: JSON.stringify(before) }), after: JSON.stringify(after) };
    await audit.append(
      { ...entry, at: change.at, ...(why !== undefined && why !== "" && { why }), ...images },
      change.id,
    );
  });
}
