/** A table as the local stack, the tests and the cloud stack create it. Keys are strings except a sort key marked numeric. */
export type TableDefinition = {
  name: string;
  partition: string;
  sort?: string;
  numericSort?: true;
  /**
   * Secondary indexes, by name. They carry the whole item, or its keys and these attributes, of which there may be none: a change of
   * others costs the index nothing.
   */
  indexes?: Readonly<Record<string, { partition: string; sort: string; carries?: readonly string[] }>>;
  /** new and old images of each change, for the jobs that follow them */
  stream?: true;
  /** seldom read: its storage costs less than half, what is written to it a quarter more */
  seldomRead?: true;
  /** the attribute with the epoch second after which the item may vanish */
  ttl?: string;
};

/** What lists of machines are narrowed by, row by row. */
const narrowedBy = ["condition", "group", "exposure"] as const;

/** Every table of the service. Each has one store, in the file of its name, which alone writes it. */
export const tables = {
  vendors: {
    name: "vendors",
    partition: "vendor",
    indexes: { all: { partition: "kind", sort: "vendor" } },
  },
  roles: { name: "roles", partition: "vendor", sort: "role", stream: true },
  repositories: { name: "repositories", partition: "repository", stream: true },
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
  subscriptions: {
    name: "subscriptions",
    partition: "customer",
    sort: "stream",
    indexes: { byVendor: { partition: "vendor", sort: "customer" } },
    stream: true,
  },
  seats: { name: "seats", partition: "holder", sort: "machine", stream: true },
  usage: {
    name: "usage",
    partition: "customer",
    sort: "entry",
    indexes: { byVendor: { partition: "vendor", sort: "entry" } },
  },
  audit: { name: "audit", partition: "log", sort: "entry" },
  requestCounts: { name: "request-counts", partition: "counted", ttl: "ttl" },
  idempotency: { name: "idempotency", partition: "key", ttl: "ttl" },
  members: {
    name: "members",
    partition: "tenant",
    sort: "user",
    indexes: { byUser: { partition: "user", sort: "tenant" } },
  },
  invitations: { name: "invitations", partition: "hash", ttl: "ttl" },
  identityProviders: { name: "identity-providers", partition: "tenant" },
  support: { name: "support", partition: "vendor", sort: "product" },
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
    indexes: { byCustomer: { partition: "customer", sort: "machine", carries: [] } },
    stream: true,
    ttl: "ttl",
  },
  said: { name: "said", partition: "machine", ttl: "ttl" },
  states: {
    name: "states",
    partition: "machine",
    sort: "patchId",
    indexes: {
      byPatch: { partition: "patchId", sort: "machine" },
      byCustomer: { partition: "customer", sort: "machine" },
    },
    stream: true,
  },
  policies: { name: "policies", partition: "customer", sort: "policy", stream: true },
  pins: { name: "pins", partition: "customer", sort: "pin", stream: true },
  views: { name: "views", partition: "owner", sort: "view" },
  rollouts: {
    name: "rollouts",
    partition: "customer",
    sort: "patch",
    indexes: { running: { partition: "running", sort: "patch" } },
    stream: true,
  },
  outcomes: {
    name: "outcomes",
    partition: "rollout",
    sort: "machine",
    indexes: { watched: { partition: "watched", sort: "dueAt" } },
  },
  counts: { name: "counts", partition: "rollout", stream: true },
  progress: { name: "progress", partition: "job", ttl: "ttl" },
  fleet: {
    name: "fleet",
    partition: "customer",
    sort: "machine",
    indexes: {
      byName: { partition: "customer", sort: "name", carries: narrowedBy },
      bySeen: { partition: "customer", sort: "seen", carries: narrowedBy },
      byCondition: { partition: "ofCondition", sort: "groupName", carries: narrowedBy },
      byExposure: { partition: "ofExposure", sort: "groupName", carries: narrowedBy },
      byGroup: { partition: "ofGroup", sort: "name", carries: narrowedBy },
    },
  },
  standings: {
    name: "standings",
    partition: "ofPatch",
    sort: "machine",
    indexes: { byStatus: { partition: "ofStatus", sort: "machine" } },
  },
  fleetCounts: { name: "fleet-counts", partition: "customer", sort: "subject" },
  patchHolds: { name: "patch-holds", partition: "stream", sort: "patch", stream: true },
  recalls: { name: "recalls", partition: "list", sort: "number", numericSort: true, stream: true },
  receipts: { name: "receipts", partition: "machine", sort: "sequence", numericSort: true, seldomRead: true },
  changes: { name: "changes", partition: "record" },
} as const satisfies Record<string, TableDefinition>;

/** The table's name in DynamoDB. */
export function tableName(definition: TableDefinition): string {
  return `suture-${definition.name}`;
}
