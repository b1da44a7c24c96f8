import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A person's way into a tenant, once. The secret itself is never stored. */
export type Invitation = {
  /** SHA-256 of the secret, in hexadecimal */
  hash: string;
  kind: "vendor" | "customer";
  tenant: string;
  /** an e-mail address in lower case */
  user: string;
  role: string;
  /** milliseconds since the epoch */
  expiresAt: number;
  acceptedAt?: number;
};

export type InvitationsStore = ReturnType<typeof invitationsStore>;

/** The invitations. Written by vendor-api. */
export function invitationsStore(dynamo: Dynamo) {
  const table = openTable<Invitation & { ttl: number }>(dynamo, tables.invitations);
  return {
    /** Throws `already-exists`. */
    async create(invitation: Invitation): Promise<void> {
      const { done } = await table.create({ ...invitation, ttl: Math.ceil(invitation.expiresAt / 1000) });
      if (!done) throw new SutureError("already-exists", "There is such an invitation already");
    },
    /** Takes an invitation, once. Throws `unauthorized`: unknown, expired and taken are one to whoever asks. */
    async accept(hash: string, at: number): Promise<Invitation> {
      const written = await table.update({ hash }, "SET #acceptedAt = :at", {
        condition: "attribute_exists(#hash) AND #expiresAt > :at AND attribute_not_exists(#acceptedAt)",
        values: { at },
      });
      if (!written.done) throw new SutureError("unauthorized", "The invitation is unknown, expired or was accepted");
      const { ttl: _ttl, ...invitation } = written.row;
      return invitation;
    },
  };
}
