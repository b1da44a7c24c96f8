import { SutureError } from "../../protocol/errors.ts";
import type { Dynamo } from "./dynamo.ts";
import { collect } from "./page.ts";
import { openTable, putTogether } from "./table.ts";
import { tables } from "./tables.ts";

/** DynamoDB keeps items up to 400 KB, names and keys counted. */
const maxBodyBytes = 300 * 1024;

/** The newest metadata of a role that the vendor itself signs, as accepted: `root`, `targets` or `product.channel`. */
export type AcceptedRole = {
  vendor: string;
  role: string;
  version: number;
  /** the exact text of the file */
  body: string;
  /** milliseconds since the epoch */
  acceptedAt: number;
  /** who sent it: the sign-in's label */
  by: string;
};

export type RolesStore = ReturnType<typeof rolesStore>;

/** What vendors signed. Written by vendor-api, after it has verified what it writes. */
export function rolesStore(dynamo: Dynamo) {
  const table = openTable<AcceptedRole>(dynamo, tables.roles);

  const newest = (vendor: string, role: string) => table.get({ vendor, role }, { consistent: true });

  return {
    /**
     * Takes a role's next version; of two publishers one wins, and one who says it again has said it once. Each root stays
     * readable by its number, since a client follows them one by one (TUF specification, section 5.3).
     * Throws `conflict` with data `{ version }`, the newest there is (0 for none); `too-large`.
     */
    async accept(role: AcceptedRole): Promise<void> {
      if (Buffer.byteLength(role.body) > maxBodyBytes) {
        throw new SutureError("too-large", `${role.role} metadata is larger than ${maxBodyBytes} bytes`);
      }
      const next =
        role.version === 1
          ? { condition: "attribute_not_exists(#role)" }
          : { condition: "#version = :before", values: { before: role.version - 1 } };
      const puts = [table.putting(role, next)];
      if (role.role === "root") puts.push(table.putting({ ...role, role: rootRow(role.version) }));
      if (await putTogether(dynamo, puts)) return;

      const stored = await newest(role.vendor, role.role);
      // The same publisher's request again, whose first answer was lost.
      if (stored?.version === role.version && stored.body === role.body && stored.by === role.by) return;
      const version = stored?.version ?? 0;
      const detail = `${role.vendor}'s ${role.role} is at version ${version}, so ${role.version} cannot follow`;
      throw new SutureError("conflict", detail, { data: { version } });
    },

    /** The newest version of a role. */
    get: newest,

    /** A root by its version. */
    async root(vendor: string, version: number): Promise<AcceptedRole | undefined> {
      const row = await table.get({ vendor, role: rootRow(version) });
      return row && { ...row, role: "root" };
    },

    /** The newest version of each of a vendor's roles: a handful, so not paged. */
    async listAll(vendor: string): Promise<AcceptedRole[]> {
      const rows = await collect((page) => table.query({ ...page, partition: vendor, consistent: true }));
      return rows.filter((row) => !row.role.includes("@"));
    },
  };
}

/** No role's name holds an @. */
function rootRow(version: number): string {
  return `root@${version}`;
}
