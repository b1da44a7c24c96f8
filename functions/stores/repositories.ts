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
type Row = { repository: string; snapshot?: number; timestamp?: number; published?: Published };

export type RepositoriesStore = ReturnType<typeof repositoriesStore>;

/** The versions of each repository's online roles, by vendor, or `service`. Written by the publish job. */
export function repositoriesStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.repositories);
  return {
    /**
     * Reserves the next version of the timestamp, or of both online roles, before it is signed: no version is ever given twice,
     * so none is ever signed twice with another content.
     */
    async reserve(repository: string, kind: "timestamp" | "both"): Promise<{ snapshot: number; timestamp: number }> {
      const counters = kind === "both" ? "#snapshot :one, #timestamp :one" : "#timestamp :one";
      const written = await table.update({ repository }, `ADD ${counters}`, { values: { one: 1 } });
      const row = written.done ? written.row : undefined;
      return { snapshot: row?.snapshot ?? 0, timestamp: row?.timestamp ?? 0 };
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
