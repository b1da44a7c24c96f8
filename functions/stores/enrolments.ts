import { createHash } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
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
/** `by0`, `by1` …: who took uses of late, so that one whose answer was lost takes no second */
type Row = Enrolment & { ttl: number } & { [slot: `by${number}`]: string };

/** Enough that a host which asks again after seconds finds itself, also while others enrol; few enough that the row stays small. */
const slots = 32;

/** For so long after its end a token is still known, so that a person hears "expired" and not "unknown". */
const remembered = 30 * 24 * 3600;

export type EnrolmentsStore = ReturnType<typeof enrolmentsStore>;

/** The enrolment tokens. Written by vendor-api and the portal (create, revoke) and agent-api (use) through this store. */
export function enrolmentsStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.enrolments);
  return {
    /** Throws `already-exists`. */
    async create(enrolment: Enrolment): Promise<void> {
      const row = { ...enrolment, ttl: Math.ceil(enrolment.expiresAt / 1000) + remembered };
      const { done } = await table.create(row);
      if (!done) throw new SutureError("already-exists", "There is such a token already");
    },
    /**
     * Takes one use; of two hosts that want the last one, one gets it. The same user again, as after an answer that was lost, takes none.
     * @param user who takes it, by a name that is its own for this use
     * Throws `unauthorized` (no such token, or it was revoked), `token-expired`, `token-used-up`.
     */
    async use(hash: string, user: string, now: number): Promise<Enrolment> {
      const slot = slotOf(user);
      const written = await table.update({ hash }, "SET #usesLeft = #usesLeft - :one, #slot = :user", {
        condition:
          "attribute_exists(#hash) AND #expiresAt > :now AND #usesLeft > :none AND attribute_not_exists(#revokedAt) " +
          "AND (attribute_not_exists(#slot) OR #slot <> :user)",
        names: { slot },
        values: { one: 1, now, none: 0, user },
      });
      if (written.done) return toEnrolment(written.row);
      const { stored } = written;
      if (!stored) throw new SutureError("unauthorized", "The enrolment token is not known");
      if (stored.revokedAt !== undefined) throw new SutureError("unauthorized", "The enrolment token was revoked");
      if (stored.expiresAt <= now) throw new SutureError("token-expired", "The enrolment token has expired");
      if (stored[slot] === user) return toEnrolment(stored);
      throw new SutureError("token-used-up", "The enrolment token has no uses left");
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

function slotOf(user: string): `by${number}` {
  return `by${createHash("sha256").update(user).digest().readUInt8(0) % slots}`;
}

function toEnrolment(row: Row): Enrolment {
  const kept = Object.entries(row).filter(([name]) => name !== "ttl" && !/^by\d+$/.test(name));
  return Object.fromEntries(kept) as Enrolment;
}
