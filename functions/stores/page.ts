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

/** The attributes of a list's key and the type of each, as DynamoDB writes it. */
export type KeyTypes = Readonly<Record<string, "S" | "N">>;
/** A sort key is no longer, in bytes; no partition key of ours is either. */
const longestKey = 1024;

/**
 * The inverse of `toCursor`. A cursor comes back from outside: only the key's own attributes are taken, each of its own type and size.
 * @throws SutureError `invalid-request` when it is not one of ours
 */
export function fromCursor(cursor: string, types: KeyTypes): Attributes {
  const decoded = parse(cursor);
  return Object.fromEntries(
    Object.entries(types).map(([name, type]) => {
      const text = Object.hasOwn(decoded, name) ? decoded[name]?.[type] : undefined;
      if (type === "N" && typeof text === "string" && /^\d{1,16}$/.test(text)) return [name, { N: text }];
      if (type === "S" && typeof text === "string" && isKey(text)) return [name, { S: text }];
      throw foreignCursor();
    }),
  );
}

/** What is said of a cursor that no list of this kind gave. */
export function foreignCursor(cause?: unknown): SutureError {
  return new SutureError("invalid-request", "The cursor is not from this list", { cause });
}

function isKey(text: string): boolean {
  return text !== "" && text.isWellFormed() && Buffer.byteLength(text) <= longestKey;
}

function parse(cursor: string): Record<string, { S?: unknown; N?: unknown } | undefined> {
  try {
    return Object(JSON.parse(Buffer.from(cursor, "base64url").toString()));
  } catch (cause) {
    throw foreignCursor(cause);
  }
}
