import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** What the publish job last made public. */
export type Published = {
  snapshot: number;
  timestamp: number;
  /** milliseconds since the epoch */
  signedAt: number;
  /** version of each role that the snapshot names */
  roles: Record<string, number>;
};
type Versions = Pick<Published, "snapshot" | "timestamp">;
type Row = { repository: string; snapshot?: number; timestamp?: number; published?: Published };

const none: Versions = { snapshot: 0, timestamp: 0 };
/** More than a repository publishes between a copy of the table and the moment in which it is put back. */
const restoreGap = 1000;

export type RepositoriesStore = ReturnType<typeof repositoriesStore>;

/** The versions of each repository's online roles, by vendor, or `service`. Written by the publish job. */
export function repositoriesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.repositories);
  return {
    /**
     * Reserves the next version of the timestamp, or of both online roles, before it is signed: no version is ever given twice,
     * so none is ever signed twice with another content.
     * @param seen the versions that are public: where the counters lag behind them, the table was restored from a copy, and they go
     * on well past what it may have given since
     */
    async reserve(repository: string, kind: "timestamp" | "both", seen = none): Promise<Versions> {
      const counters = kind === "both" ? "#snapshot :one, #timestamp :one" : "#timestamp :one";
      const written = await table.update({ repository }, `ADD ${counters}`, { values: { one: 1 } });
      const { snapshot = 0, timestamp = 0 } = written.done ? written.row : {};
      const isBehind = timestamp <= seen.timestamp || snapshot < seen.snapshot + (kind === "both" ? 1 : 0);
      if (!isBehind) return { snapshot, timestamp };
      const beyond = { snapshot: seen.snapshot + restoreGap, timestamp: seen.timestamp + restoreGap };
      const jumped = await table.update({ repository }, "SET #snapshot = :snapshot, #timestamp = :timestamp", {
        condition: "#timestamp < :timestamp",
        values: beyond,
      });
      if (!jumped.done) throw new SutureError("conflict", `Another run publishes ${repository}`);
      return beyond;
    },

    /** Records what became public. False when something newer is on record already. */
    async recordPublished(repository: string, published: Published): Promise<boolean> {
      const written = await table.update({ repository }, "SET #published = :published", {
        condition: "attribute_not_exists(#published) OR #published.#timestamp < :timestamp",
        values: { published, timestamp: published.timestamp },
      });
      return written.done;
    },

    /** What is public now; undefined before the first publish. */
    async published(repository: string): Promise<Published | undefined> {
      return (await table.get({ repository }, { consistent: true }))?.published;
    },
  };
}
