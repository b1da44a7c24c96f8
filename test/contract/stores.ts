import { afterAll, beforeAll, describe } from "vitest";
import type { Dynamo } from "../../functions/stores/dynamo.ts";
import { accountsContract } from "./stores-accounts.ts";
import { fleetContract } from "./stores-fleet.ts";
import { machinesContract } from "./stores-machines.ts";
import { publishingContract } from "./stores-publishing.ts";
import { rolloutsContract } from "./stores-rollouts.ts";
import { tenantsContract } from "./stores-tenants.ts";

/** What every store promises, on whichever DynamoDB, new and empty, and through whichever transport. */
export function storesContract(name: string, start: () => Promise<{ dynamo: Dynamo; stop: () => Promise<void> }>) {
  describe(`stores on ${name}`, () => {
    let running: Awaited<ReturnType<typeof start>>;
    beforeAll(async () => {
      running = await start();
    });
    afterAll(() => running?.stop());

    tenantsContract(() => running.dynamo);
    accountsContract(() => running.dynamo);
    publishingContract(() => running.dynamo);
    machinesContract(() => running.dynamo);
    rolloutsContract(() => running.dynamo);
    fleetContract(() => running.dynamo);
  });
}
