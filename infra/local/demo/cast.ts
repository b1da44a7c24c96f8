import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Stack } from "../stack.ts";
import { runProgram } from "./programs.ts";
import { sampleStream } from "./sample-patch.ts";

/** The sample parties, each acting through the program that its like would use. */
export type Cast = {
  /** publishes the folder's patch; returns when the service has accepted it */
  publish(folder: string): Promise<void>;
  withdraw(patchId: string): Promise<void>;
  /** makes a host of the customer's known to the service; once for each state folder. @returns the machine's id */
  enrol(stateDir: string): Promise<string>;
  /** the customer's token for the portal */
  portalToken(): Promise<string>;
};

const vendor = "acme";
const customer = "globex";

/** Makes the sample vendor and customer where they are not there yet. */
export async function gatherCast(
  { url, token, stores, identity }: Pick<Stack, "url" | "token" | "stores"> & Partial<Pick<Stack, "identity">>,
  dataDir: string,
): Promise<Cast> {
  const operator = { SUTURE_SERVICE: url, SUTURE_TOKEN: token };
  const keys = join(dataDir, "vendor-keys", vendor);
  const suture = (args: string[], env: Record<string, string> = operator) =>
    runProgram("cli/main.ts", [...args, "--json"], env);
  // The publisher's token lies beside the vendor's keys, where `vendor init` put it
  const asVendor = { SUTURE_SERVICE: url, SUTURE_TOKEN: "" };

  await suture(["vendor", "init", vendor, "--title", "Acme", "--product", "echod", "--keys", keys]);
  if ((await stores.customers.get(customer)) === undefined) {
    await suture(["customer", "create", customer, "--title", "Globex"]);
  }
  await suture(["customer", "subscribe", customer, sampleStream, "--seats", "10"]);
  if (identity !== undefined) await admitPeople({ stores, identity });

  return {
    async publish(folder) {
      const alone = ["--override", "The demonstration has one machine and no time to wait"];
      await suture(["publish", folder, "--vendor", vendor, "--channel", "stable", "--keys", keys, ...alone], asVendor);
    },
    async withdraw(patchId) {
      await suture(["withdraw", patchId, "--reason", "The demonstration ends", "--keys", keys], asVendor);
    },
    async enrol(stateDir) {
      if (!(await hasMoved(stateDir, url))) {
        const created = await suture(["token", "create", "--customer", customer, "--uses", "1"]);
        await runProgram("agent/main.ts", ["enroll", "--server", url, "--state", stateDir, "--json"], {
          SUTURE_ENROLMENT_TOKEN: String(created.token),
        });
      }
      const status = await runProgram("agent/main.ts", ["status", "--state", stateDir, "--json"]);
      return String(status.machine);
    },
    async portalToken() {
      const created = await suture(["token", "create", "--customer", customer, "--portal"]);
      return String(created.token);
    },
  };
}

/** Lets the embedded identity provider's people in: their groups say what they are, as a company's own provider would. */
async function admitPeople({ stores, identity }: Pick<Stack, "stores" | "identity">): Promise<void> {
  const { issuer, clientId: audience, groupsClaim, jwks } = identity;
  const known = { issuer, audience, groupsClaim, jwks };
  const joinedAt = Date.now();
  const roles = { "globex-owners": "owner", "globex-viewers": "viewer" };
  await stores.identityProviders.put({ tenant: `customer/${customer}`, ...known, roles });
  await stores.identityProviders.put({
    tenant: `vendor/${vendor}`,
    ...known,
    roles: { "acme-publishers": "publisher" },
  });
  await stores.members.put({ tenant: `customer/${customer}`, user: "ann@globex.test", role: "owner", joinedAt });
  await stores.members.put({ tenant: `customer/${customer}`, user: "tom@globex.test", role: "viewer", joinedAt });
  await stores.members.put({ tenant: `vendor/${vendor}`, user: "vera@acme.test", role: "publisher", joinedAt });
}

/**
 * Tells an agent that was enrolled in an earlier run where the service is now: the port is this run's choice. On a real host the
 * service's address does not change under the agent.
 * @returns whether there is such an agent
 */
async function hasMoved(stateDir: string, server: string): Promise<boolean> {
  const path = join(stateDir, "identity.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return false;
  await writeFile(path, JSON.stringify({ ...JSON.parse(text), server }), { mode: 0o600 });
  return true;
}
