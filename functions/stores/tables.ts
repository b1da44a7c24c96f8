/** A table as the local stack, the tests and the cloud stack create it. Keys are strings except a sort key marked numeric. */
export type TableDefinition = {
  name: string;
  partition: string;
  sort?: string;
  numericSort?: true;
  /** secondary indexes, by name; all carry the whole item */
  indexes?: Readonly<Record<string, { partition: string; sort: string }>>;
  /** new and old images of each change, for the epochs job */
  stream?: true;
  /** the attribute with the epoch second after which the item may vanish */
  ttl?: string;
};

/** Every table of the service. Each has one store, in the file of its name, which alone writes it. */
export const tables = {
  vendors: {
    name: "vendors",
    partition: "vendor",
    indexes: { all: { partition: "kind", sort: "vendor" } },
  },
  roles: { name: "roles", partition: "vendor", sort: "role" },
  repositories: { name: "repositories", partition: "repository" },
  patches: {
    name: "patches",
    partition: "stream",
    sort: "patch",
    indexes: { byVendor: { partition: "vendor", sort: "id" } },
    stream: true,
  },
  customers: {
    name: "customers",
    partition: "customer",
    indexes: { all: { partition: "kind", sort: "customer" } },
    stream: true,
  },
  subscriptions: { name: "subscriptions", partition: "customer", sort: "stream", stream: true },
  apiTokens: {
    name: "api-tokens",
    partition: "hash",
    indexes: { byTenant: { partition: "owner", sort: "hash" } },
    ttl: "ttl",
  },
  enrolments: {
    name: "enrolments",
    partition: "hash",
    indexes: { byCustomer: { partition: "customer", sort: "hash" } },
    ttl: "ttl",
  },
  machines: {
    name: "machines",
    partition: "machine",
    indexes: { byCustomer: { partition: "customer", sort: "machine" } },
  },
  states: {
    name: "states",
    partition: "machine",
    sort: "patchId",
    indexes: {
      byPatch: { partition: "patchId", sort: "machine" },
      byCustomer: { partition: "customer", sort: "machine" },
    },
  },
  receipts: { name: "receipts", partition: "machine", sort: "sequence", numericSort: true },
  changes: { name: "changes", partition: "record" },
} as const satisfies Record<string, TableDefinition>;

/** The table's name in DynamoDB. */
export function tableName(definition: TableDefinition): string {
  return `suture-${definition.name}`;
}
