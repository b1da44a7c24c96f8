import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A write that a client marked with a key, and what it was answered. */
export type KeyedRequest = {
  /** SHA-256 of the token and the client's key, in hexadecimal */
  key: string;
  /** SHA-256 of method, path and body, in hexadecimal */
  request: string;
  /** milliseconds since the epoch */
  startedAt: number;
  /** absent while it runs; sealed, because answers can hold secrets */
  answer?: string;
};
type Row = KeyedRequest & { ttl: number };

const keptSeconds = 24 * 3600;
/** One that has run for so long died on the way. Milliseconds. */
const abandonedAfter = 60_000;

export type IdempotencyStore = ReturnType<typeof idempotencyStore>;

/** The writes with idempotency keys of the last 24 hours. Written by vendor-api. */
export function idempotencyStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.idempotency);
  const ttl = (at: number) => Math.ceil(at / 1000) + keptSeconds;
  return {
    /** Begins a request; where there was one under this key, returns that one and begins nothing. */
    async begin({ key, request, startedAt }: KeyedRequest): Promise<KeyedRequest | undefined> {
      const written = await table.put(
        { key, request, startedAt, ttl: ttl(startedAt) },
        {
          condition:
            "attribute_not_exists(#key) OR #ttl <= :now OR (attribute_not_exists(#answer) AND #startedAt <= :abandoned)",
          values: { now: Math.floor(startedAt / 1000), abandoned: startedAt - abandonedAfter },
        },
      );
      return written.done ? undefined : written.stored;
    },
    /** Keeps what the request was answered. */
    async finish(request: KeyedRequest & { answer: string }): Promise<void> {
      await table.put({ ...request, ttl: ttl(request.startedAt) });
    },
    /** Lets go of a request that came to nothing, so that it may be sent again. */
    async forget({ key, request }: KeyedRequest): Promise<void> {
      await table.put({ key, request, startedAt: 0, ttl: 0 });
    },
  };
}
