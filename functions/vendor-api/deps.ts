import type { PublishQueue } from "../jobs/queue.ts";
import type { KeyWrapper } from "../signers/wrapped.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { CustomersStore } from "../stores/customers.ts";
import type { EnrolmentsStore } from "../stores/enrolments.ts";
import type { MachinesStore } from "../stores/machines.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { RolesStore } from "../stores/roles.ts";
import type { StatesStore } from "../stores/states.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import type { VendorsStore } from "../stores/vendors.ts";

/** What vendor-api works with. */
export type VendorApiDeps = {
  vendors: VendorsStore;
  roles: RolesStore;
  patches: PatchesStore;
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  apiTokens: ApiTokensStore;
  enrolments: EnrolmentsStore;
  machines: MachinesStore;
  states: StatesStore;
  blobs: Blobs;
  /** makes vendors' snapshot and timestamp keys; nothing here ever opens one */
  keys: KeyWrapper;
  queue: PublishQueue;
  now: () => Date;
  random: (bytes: number) => Uint8Array;
  /** SHA-256 in hexadecimal of the service's `1.root.json`, which enrolment tokens pin */
  serviceRoot: () => Promise<string>;
};
