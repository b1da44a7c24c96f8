import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

type Row = { counted: string; requests: number; ttl: number };

export type RequestCountsStore = ReturnType<typeof requestCountsStore>;

/** How many requests came in one window of time. Written by vendor-api, one atomic addition a request. */
export function requestCountsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.requestCounts);
  return {
    /** Counts one more. @param window its start and length in seconds since the epoch. @returns the count so far */
    async add(who: string, window: { start: number; seconds: number }): Promise<number> {
      const written = await table.update(
        { counted: `${who}@${window.start}` },
        "SET #requests = if_not_exists(#requests, :none) + :one, #ttl = :ttl",
        { values: { none: 0, one: 1, ttl: window.start + 2 * window.seconds } },
      );
      return written.done ? written.row.requests : 0;
    },
  };
}
