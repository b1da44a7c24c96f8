import { apiTokensStore } from "../../functions/stores/api-tokens.ts";
import { changesStore } from "../../functions/stores/changes.ts";
import { customersStore } from "../../functions/stores/customers.ts";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { enrolmentsStore } from "../../functions/stores/enrolments.ts";
import { machinesStore } from "../../functions/stores/machines.ts";
import { patchesStore } from "../../functions/stores/patches.ts";
import { receiptsStore } from "../../functions/stores/receipts.ts";
import { repositoriesStore } from "../../functions/stores/repositories.ts";
import { rolesStore } from "../../functions/stores/roles.ts";
import { statesStore } from "../../functions/stores/states.ts";
import { subscriptionsStore } from "../../functions/stores/subscriptions.ts";
import { vendorsStore } from "../../functions/stores/vendors.ts";

/** Every store over one database: what each function of the embedded service takes its own from. */
export function openStores(dynamo: Dynamo) {
  return {
    apiTokens: apiTokensStore(dynamo),
    changes: changesStore(dynamo),
    customers: customersStore(dynamo),
    enrolments: enrolmentsStore(dynamo),
    machines: machinesStore(dynamo),
    patches: patchesStore(dynamo),
    receipts: receiptsStore(dynamo),
    repositories: repositoriesStore(dynamo),
    roles: rolesStore(dynamo),
    states: statesStore(dynamo),
    subscriptions: subscriptionsStore(dynamo),
    vendors: vendorsStore(dynamo),
  };
}

export type Stores = ReturnType<typeof openStores>;
