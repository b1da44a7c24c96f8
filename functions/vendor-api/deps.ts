import type { CryptoKey } from "jose";
import type { ServiceKeys } from "../../protocol/wire/service.ts";
import type { PublishQueue } from "../jobs/queue.ts";
import type { KeyWrapper } from "../signers/wrapped.ts";
import type { ApiTokensStore } from "../stores/api-tokens.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { CustomersStore } from "../stores/customers.ts";
import type { EnrolmentsStore } from "../stores/enrolments.ts";
import type { IdempotencyStore } from "../stores/idempotency.ts";
import type { IdentityProvidersStore } from "../stores/identity-providers.ts";
import type { InvitationsStore } from "../stores/invitations.ts";
import type { MachinesStore } from "../stores/machines.ts";
import type { MembersStore } from "../stores/members.ts";
import type { OutcomesStore } from "../stores/outcomes.ts";
import type { PatchHoldsStore } from "../stores/patch-holds.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { PinsStore } from "../stores/pins.ts";
import type { PoliciesStore } from "../stores/policies.ts";
import type { ProgressStore } from "../stores/progress.ts";
import type { RecallsStore } from "../stores/recalls.ts";
import type { ReceiptsStore } from "../stores/receipts.ts";
import type { RequestCountsStore } from "../stores/request-counts.ts";
import type { RolesStore } from "../stores/roles.ts";
import type { RolloutsStore } from "../stores/rollouts.ts";
import type { SeatsStore } from "../stores/seats.ts";
import type { StatesStore } from "../stores/states.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";
import type { SupportStore } from "../stores/support.ts";
import type { UsageStore } from "../stores/usage.ts";
import type { VendorsStore } from "../stores/vendors.ts";
import type { ViewsStore } from "../stores/views.ts";
import type { RateLimits } from "./rate-limit.ts";

/** What vendor-api works with. */
export type VendorApiDeps = {
  vendors: VendorsStore;
  roles: RolesStore;
  patches: PatchesStore;
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  apiTokens: ApiTokensStore;
  enrolments: EnrolmentsStore;
  progress: ProgressStore;
  machines: MachinesStore;
  states: StatesStore;
  policies: PoliciesStore;
  pins: PinsStore;
  views: ViewsStore;
  rollouts: RolloutsStore;
  outcomes: OutcomesStore;
  receipts: ReceiptsStore;
  patchHolds: PatchHoldsStore;
  recalls: RecallsStore;
  seats: SeatsStore;
  usage: UsageStore;
  support: SupportStore;
  members: MembersStore;
  invitations: InvitationsStore;
  identityProviders: IdentityProvidersStore;
  audit: AuditStore;
  idempotency: IdempotencyStore;
  requestCounts: RequestCountsStore;
  rateLimits: RateLimits;
  /** what our own CDN sends along (viewer-address.ts); undefined where there is none */
  edgeKey?: string | undefined;
  blobs: Blobs;
  /** makes vendors' snapshot and timestamp keys; nothing here ever opens one */
  keys: KeyWrapper;
  queue: PublishQueue;
  /** the keys that the service holds for its own repository: public halves */
  serviceKeys: () => Promise<ServiceKeys>;
  /** has the plan keys replaced by the job that holds them */
  rotatePlanKeys: () => Promise<void>;
  /** signs plans for hosts without a network; signs nothing else */
  offlinePlanKey: () => Promise<{ kid: string; privateKey: CryptoKey }>;
  now: () => Date;
  random: (bytes: number) => Uint8Array;
  /** SHA-256 in hexadecimal of the service's `1.root.json`, which enrolment tokens pin */
  serviceRoot: () => Promise<string>;
};
