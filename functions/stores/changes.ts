import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import { pack, unpack } from "./packed.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A scope's last change: its epoch, and when (milliseconds since the epoch of the clock). */
type ScopeChange = { epoch: number; at: number };
/** The one record that answers polls (design: "Poll and ticket"). */
export type Changes = {
  /** a counter of changes, never a clock */
  epoch: number;
  /** a ticket from before this epoch cannot be judged by `scopes` any more */
  floor: number;
  scopes: Record<string, ScopeChange>;
};
/** The scopes are one text attribute, packed: every agent-api instance reads this record every few seconds. */
type Row = { record: "changes"; epoch: number; floor: number; scopes: string };

const keptMillis = 25 * 3600 * 1000;
/** About 100 bytes each, in an item of at most 400 KB. The oldest go first, as if their time were over. */
const maxScopes = 3000;
const attempts = 10;

export type ChangesStore = ReturnType<typeof changesStore>;

/** The record of recent changes. Written by the epochs job alone; a second instance of it loses nothing. */
export function changesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.changes);
  const key = { record: "changes" } as const;

  async function read({ consistent }: { consistent: boolean }): Promise<Changes> {
    const row = await table.get(key, { consistent });
    if (!row) return { epoch: 0, floor: 0, scopes: {} };
    return { epoch: row.epoch, floor: row.floor, scopes: unpack(row.scopes) as Changes["scopes"] };
  }

  return {
    /** The record; before the first change all zero. */
    read,

    /** Gives the scopes one new epoch, and lets go of the old ones. Throws `unavailable` after many lost races. */
    async advance(scopes: readonly string[], now: number): Promise<Changes> {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const before = await read({ consistent: true });
        if (scopes.length === 0) return before;
        const after = advanced(before, scopes, now);
        const written = await table.put(
          { ...key, epoch: after.epoch, floor: after.floor, scopes: pack(after.scopes) },
          { condition: "attribute_not_exists(#record) OR #epoch = :before", values: { before: before.epoch } },
        );
        if (written.done) return after;
      }
      throw new SutureError("unavailable", "The record of changes is being written by too many at once");
    },
  };
}

/** The record after one more change of `scopes`. Whatever is let go of raises the floor, so that no ticket misses it. */
function advanced(before: Changes, scopes: readonly string[], now: number): Changes {
  const epoch = before.epoch + 1;
  const changed = Object.fromEntries(scopes.map((scope) => [scope, { epoch, at: now }]));
  const newestFirst = Object.entries({ ...before.scopes, ...changed }).sort(([, a], [, b]) => b.epoch - a.epoch);
  const isKept = ({ at }: ScopeChange, index: number) => index < maxScopes && now - at < keptMillis;
  const kept = newestFirst.filter(([, change], index) => isKept(change, index));
  const lost = newestFirst.find(([, change], index) => !isKept(change, index));
  const floor = Math.max(before.floor, lost?.[1].epoch ?? 0);
  return { epoch, floor, scopes: Object.fromEntries(kept) };
}
