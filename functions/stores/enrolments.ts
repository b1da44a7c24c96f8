import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable, writeTogether } from "./table.ts";
import { tables } from "./tables.ts";

/** An enrolment token, as kept: what it lets a host into. The secret itself is never stored. */
export type Enrolment = {
  /** SHA-256 of the secret, in hexadecimal */
  hash: string;
  customer: string;
  group: string;
  /** what the hosts are marked with */
  tags?: string[];
  /** whether they go away by themselves when their work is done */
  ephemeral?: boolean;
  usesLeft: number;
  /** milliseconds since the epoch, as `createdAt` */
  expiresAt: number;
  createdAt: number;
  revokedAt?: number;
};
type Row = Enrolment & { ttl: number };
/** That somebody took a use, beside the token for as long: it has no customer, so no list shows it. `hash` is the token's and the user's. */
type Use = { hash: string; ttl: number };

/** Others may take the last use, or end the token, between a look and a write; each leaves a token that says so. */
const attempts = 5;

/** For so long after its end a token is still known, so that a person hears "expired" and not "unknown". */
const remembered = 30 * 24 * 3600;

export type EnrolmentsStore = ReturnType<typeof enrolmentsStore>;

/** The enrolment tokens. Written by vendor-api and the portal (create, revoke) and agent-api (use) through this store. */
export function enrolmentsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.enrolments);
  const uses = openTable<Use>(dynamo, tables.enrolments);
  return {
    /** Throws `already-exists`. */
    async create(enrolment: Enrolment): Promise<void> {
      const row = { ...enrolment, ttl: Math.ceil(enrolment.expiresAt / 1000) + remembered };
      const { done } = await table.create(row);
      if (!done) throw new SutureError("already-exists", "There is such a token already");
    },
    /**
     * Takes one use; of two hosts that want the last one, one gets it. The same user again, as after an answer that was lost, takes none,
     * however many others came between: the count and the row that says who took it change together.
     * @param user who takes it, by a name that is its own for this use
     * Throws `unauthorized` (no such token, or it was revoked), `token-expired`, `token-used-up`; `unavailable` where too many come at once.
     */
    async use(hash: string, user: string, now: number): Promise<Enrolment> {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const mine = useOf(hash, user);
        // Who took a use is looked for first: a token that is read after it has at least that use taken
        const isTaken = (await uses.get({ hash: mine }, { consistent: true })) !== undefined;
        const row = await table.get({ hash }, { consistent: true });
        if (!row) throw new SutureError("unauthorized", "The enrolment token is not known");
        if (row.revokedAt !== undefined) throw new SutureError("unauthorized", "The enrolment token was revoked");
        if (row.expiresAt <= now) throw new SutureError("token-expired", "The enrolment token has expired");
        if (isTaken) return toEnrolment(row);
        if (row.usesLeft > 0) {
          const taken = await writeTogether(dynamo, [
            table.updating({ hash }, "SET #usesLeft = #usesLeft - :one", {
              condition: "#usesLeft > :none AND attribute_not_exists(#revokedAt)",
              values: { one: 1, none: 0 },
            }),
            { Put: uses.putting({ hash: mine, ttl: row.ttl }, { condition: "attribute_not_exists(#hash)" }) },
          ]);
          if (taken) return { ...toEnrolment(row), usesLeft: row.usesLeft - 1 };
        } else if ((await uses.get({ hash: mine }, { consistent: true })) === undefined)
          throw new SutureError("token-used-up", "The enrolment token has no uses left");
      }
      throw new SutureError("unavailable", "Too many hosts use the enrolment token at once");
    },
    async get(hash: string): Promise<Enrolment | undefined> {
      const row = await table.get({ hash }, { consistent: true });
      return row && toEnrolment(row);
    },
    /** Ends a token for good; a second time changes nothing. Throws `not-found`. */
    async revoke(hash: string, at: number): Promise<void> {
      const written = await table.update({ hash }, "SET #revokedAt = if_not_exists(#revokedAt, :at)", {
        condition: "attribute_exists(#hash)",
        values: { at },
      });
      if (!written.done) throw new SutureError("not-found", "There is no such token");
    },
    async listByCustomer(customer: string, request: PageRequest = {}): Promise<Page<Enrolment>> {
      const page = await table.query({ ...request, index: "byCustomer", partition: customer });
      return { ...page, items: page.items.map(toEnrolment) };
    },
  };
}

function useOf(hash: string, user: string): string {
  return `${hash} used by ${user}`;
}

/** Without what only this store knows; `by0` to `by31` said who took uses before that had rows of its own. */
function toEnrolment(row: Row): Enrolment {
  const kept = Object.entries(row).filter(([name]) => name !== "ttl" && !/^by\d+$/.test(name));
  return Object.fromEntries(kept) as Enrolment;
}
