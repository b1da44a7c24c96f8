import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** A person of a tenant, and the role there. */
export type Member = {
  /** `customer/globex`, `vendor/acme` */
  tenant: string;
  /** an e-mail address in lower case */
  user: string;
  role: string;
  /** milliseconds since the epoch */
  joinedAt: number;
};

export type MembersStore = ReturnType<typeof membersStore>;

/** The people of vendors and customers. Written by vendor-api. */
export function membersStore(dynamo: Dynamo) {
  const table = openTable<Member & { removedAt?: number }>(dynamo, tables.members);
  return {
    /** Adds a person, or gives another role; `joinedAt` stays the first. */
    async put({ tenant, user, role, joinedAt }: Member): Promise<void> {
      await table.update(
        { tenant, user },
        "SET #role = :role, #joinedAt = if_not_exists(#joinedAt, :joinedAt) REMOVE #removedAt",
        { values: { role, joinedAt } },
      );
    },
    /** Throws `not-found`. */
    async remove(tenant: string, user: string, at: number): Promise<void> {
      const written = await table.update({ tenant, user }, "SET #removedAt = :at", {
        condition: "attribute_exists(#user) AND attribute_not_exists(#removedAt)",
        values: { at },
      });
      if (!written.done) throw new SutureError("not-found", `${user} is no member`);
    },
    async get(tenant: string, user: string): Promise<Member | undefined> {
      const row = await table.get({ tenant, user }, { consistent: true });
      return row?.removedAt === undefined ? row : undefined;
    },
    /** Where a person is a member. */
    async listByUser(user: string, request: PageRequest = {}): Promise<Page<Member>> {
      const page = await table.query({ ...request, index: "byUser", partition: user });
      return { ...page, items: page.items.filter(({ removedAt }) => removedAt === undefined) };
    },
    /** A page may be short of those who have left. */
    async list(tenant: string, request: PageRequest = {}): Promise<Page<Member>> {
      const page = await table.query({ ...request, partition: tenant });
      return { ...page, items: page.items.filter(({ removedAt }) => removedAt === undefined) };
    },
  };
}
