import { SutureError } from "../../protocol/errors.ts";
import type { Attributes } from "./attributes.ts";

/** Which part of a list is wanted: at most `limit` items (1 to 1000, by default 100), after the item where `cursor` was given. */
export type PageRequest = { limit?: number | undefined; cursor?: string | undefined };
/** A part of a list; without a cursor it is the last. */
export type Page<T> = { items: T[]; cursor?: string };

/** Every item of a paged list, for lists that are short by nature. */
export async function collect<T>(list: (request: PageRequest) => Promise<Page<T>>): Promise<T[]> {
  return (await collectSome(list, Number.POSITIVE_INFINITY)).items;
}

/** So many items of a paged list from `cursor` on, or a page's rest more. */
export async function collectSome<T>(
  list: (request: PageRequest) => Promise<Page<T>>,
  most: number,
  cursor?: string,
): Promise<Page<T>> {
  const items: T[] = [];
  let from = cursor;
  do {
    const page = await list({ limit: 1000, cursor: from });
    items.push(...page.items);
    from = page.cursor;
  } while (from !== undefined && items.length < most);
  return { items, ...(from !== undefined && { cursor: from }) };
}

/** The key after which a list goes on, as opaque text. */
export function toCursor(key: Attributes): string {
  return Buffer.from(JSON.stringify(key)).toString("base64url");
}

/**
 * The inverse of `toCursor`. A cursor comes back from outside: only the key's own attributes with scalar values are taken.
 * Throws `invalid-request` when it is not one of ours.
 */
export function fromCursor(cursor: string, names: readonly string[]): Attributes {
  const decoded = parse(cursor);
  const key: Attributes = {};
  for (const name of names) {
    const value = decoded[name];
    if (typeof value?.S === "string") key[name] = { S: value.S };
    else if (typeof value?.N === "string" && /^\d{1,16}$/.test(value.N)) key[name] = { N: value.N };
    else throw new SutureError("invalid-request", "The cursor is not from this list");
  }
  return key;
}

function parse(cursor: string): Record<string, { S?: unknown; N?: unknown } | undefined> {
  try {
    return Object(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch (cause) {
    throw new SutureError("invalid-request", "The cursor is not from this list", { cause });
  }
}
