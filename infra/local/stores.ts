import { apiTokensStore } from "../../functions/stores/api-tokens.ts";
import { auditStore } from "../../functions/stores/audit.ts";
import { changesStore } from "../../functions/stores/changes.ts";
import { customersStore } from "../../functions/stores/customers.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { enrolmentsStore } from "../../functions/stores/enrolments.ts";
import { fleetStore } from "../../functions/stores/fleet.ts";
import { idempotencyStore } from "../../functions/stores/idempotency.ts";
import { identityProvidersStore } from "../../functions/stores/identity-providers.ts";
import { invitationsStore } from "../../functions/stores/invitations.ts";
import { machinesStore } from "../../functions/stores/machines.ts";
import { membersStore } from "../../functions/stores/members.ts";
import { outcomesStore } from "../../functions/stores/outcomes.ts";
import { patchHoldsStore } from "../../functions/stores/patch-holds.ts";
import { patchesStore } from "../../functions/stores/patches.ts";
import { pinsStore } from "../../functions/stores/pins.ts";
import { policiesStore } from "../../functions/stores/policies.ts";
import { progressStore } from "../../functions/stores/progress.ts";
import { recallsStore } from "../../functions/stores/recalls.ts";
import { receiptsStore } from "../../functions/stores/receipts.ts";
import { repositoriesStore } from "../../functions/stores/repositories.ts";
import { requestCountsStore } from "../../functions/stores/request-counts.ts";
import { rolesStore } from "../../functions/stores/roles.ts";
import { rolloutsStore } from "../../functions/stores/rollouts.ts";
import { seatsStore } from "../../functions/stores/seats.ts";
import { statesStore } from "../../functions/stores/states.ts";
import { subscriptionsStore } from "../../functions/stores/subscriptions.ts";
import { supportStore } from "../../functions/stores/support.ts";
import { usageStore } from "../../functions/stores/usage.ts";
import { vendorsStore } from "../../functions/stores/vendors.ts";
import { viewsStore } from "../../functions/stores/views.ts";

/** Every store over one database: what each function of the embedded service takes its own from. */
export function openStores(dynamo: Dynamo) {
  return {
    apiTokens: apiTokensStore(dynamo),
    changes: changesStore(dynamo),
    customers: customersStore(dynamo),
    enrolments: enrolmentsStore(dynamo),
    fleet: fleetStore(dynamo),
    machines: machinesStore(dynamo),
    outcomes: outcomesStore(dynamo),
    patchHolds: patchHoldsStore(dynamo),
    pins: pinsStore(dynamo),
    policies: policiesStore(dynamo),
    rollouts: rolloutsStore(dynamo),
    patches: patchesStore(dynamo),
    progress: progressStore(dynamo),
    recalls: recallsStore(dynamo),
    receipts: receiptsStore(dynamo),
    repositories: repositoriesStore(dynamo),
    roles: rolesStore(dynamo),
    states: statesStore(dynamo),
    subscriptions: subscriptionsStore(dynamo),
    audit: auditStore(dynamo),
    idempotency: idempotencyStore(dynamo),
    identityProviders: identityProvidersStore(dynamo),
    invitations: invitationsStore(dynamo),
    members: membersStore(dynamo),
    requestCounts: requestCountsStore(dynamo),
    seats: seatsStore(dynamo),
    support: supportStore(dynamo),
    usage: usageStore(dynamo),
    vendors: vendorsStore(dynamo),
    views: viewsStore(dynamo),
  };
}

export type Stores = ReturnType<typeof openStores>;
