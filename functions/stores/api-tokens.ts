import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Whom a token speaks for. */
export type Principal = { kind: "vendor" | "customer" | "operator"; tenant: string; role: string };
/** A sign-in for programs. The secret itself is never stored. */
export type ApiToken = {
  /** SHA-256 of the token, in hexadecimal */
  hash: string;
  principal: Principal;
  label: string;
  /** the person whose sign-in it is: it ends with the membership, and has the member's role */
  user?: string;
  /** what it is limited to beside its role; absent: nothing */
  scopes?: string[];
  /** milliseconds since the epoch, as the other times */
  createdAt: number;
  expiresAt: number;
  revokedAt?: number;
};
type Row = ApiToken & { owner: string; ttl: number };

export type ApiTokensStore = ReturnType<typeof apiTokensStore>;

/** The tokens of vendors, customers and operators. Written by vendor-api and the portal through this store. */
export function apiTokensStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.apiTokens);
  return {
    /** Throws `already-exists`. */
    async create(token: ApiToken): Promise<void> {
      const row = { ...token, owner: ownerOf(token.principal), ttl: Math.ceil(token.expiresAt / 1000) };
      const { done } = await table.create(row);
      if (!done) throw new SutureError("already-exists", "There is such a token already");
    },
    /** The token if it is good at `now`; undefined when unknown, revoked or expired, which are one to whoever asks. */
    async find(hash: string, now: number): Promise<ApiToken | undefined> {
      const row = await table.get({ hash });
      return row && row.revokedAt === undefined && now < row.expiresAt ? toToken(row) : undefined;
    },
    /** Ends a token for good; a second time changes nothing. Throws `not-found`. */
    async revoke(hash: string, at: number): Promise<void> {
      const written = await table.update({ hash }, "SET #revokedAt = if_not_exists(#revokedAt, :at)", {
        condition: "attribute_exists(#hash)",
        values: { at },
      });
      if (!written.done) throw new SutureError("not-found", "There is no such token");
    },
    async listByTenant(tenant: Pick<Principal, "kind" | "tenant">, request: PageRequest = {}): Promise<Page<ApiToken>> {
      const page = await table.query({ ...request, index: "byTenant", partition: ownerOf(tenant) });
      return { ...page, items: page.items.map(toToken) };
    },
  };
}

/** A vendor and a customer may have one name. */
function ownerOf({ kind, tenant }: Pick<Principal, "kind" | "tenant">): string {
  return `${kind}/${tenant}`;
}

function toToken({ owner: _owner, ttl: _ttl, ...token }: Row): ApiToken {
  return token;
}
