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
/** `parts` where the answer goes on in rows of their own. */
type Row = KeyedRequest & { ttl: number; parts?: number };

/** Characters of an answer in one row, of the 400 KB that an item has. */
const partLength = 300_000;

const keptSeconds = 24 * 3600;
/** One that has run for so long died on the way. Milliseconds. */
const abandonedAfter = 60_000;

export type IdempotencyStore = ReturnType<typeof idempotencyStore>;

/** The writes with idempotency keys of the last 24 hours. Written by vendor-api. */
export function idempotencyStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.idempotency);
  const ttl = (at: number) => Math.ceil(at / 1000) + keptSeconds;

  async function whole({ ttl: _ttl, parts = 1, ...kept }: Row): Promise<KeyedRequest | undefined> {
    const keys = Array.from({ length: parts - 1 }, (_, at) => ({ key: partKey(kept.key, at + 1) }));
    const rest = await table.getMany(keys, { consistent: true });
    if (kept.answer === undefined) return kept;
    return { ...kept, answer: [kept.answer, ...rest.map(({ answer = "" }) => answer)].join("") };
  }

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
      return written.done || written.stored === undefined ? undefined : await whole(written.stored);
    },
    /** Keeps what the request was answered, however long that is. */
    async finish({ answer, ...request }: KeyedRequest & { answer: string }): Promise<void> {
      const parts = Math.max(1, Math.ceil(answer.length / partLength));
      const part = (at: number) => answer.slice(at * partLength, (at + 1) * partLength);
      const row = { ...request, ttl: ttl(request.startedAt) };
      for (let at = 1; at < parts; at++) await table.put({ ...row, key: partKey(request.key, at), answer: part(at) });
      await table.put({ ...row, answer: part(0), ...(parts > 1 && { parts }) });
    },
    /** Lets go of a request that came to nothing, so that it may be sent again. */
    async forget({ key, request }: KeyedRequest): Promise<void> {
      await table.put({ key, request, startedAt: 0, ttl: 0 });
    },
  };
}

/** No key of a request has a slash. */
function partKey(key: string, at: number): string {
  return `${key}/${at}`;
}
