import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** Where a tenant's people sign in, and which role each of its groups gives. */
export type IdentityProvider = {
  /** `customer/globex`, `vendor/acme` */
  tenant: string;
  /** as in its tokens' `iss` */
  issuer: string;
  /** as in its tokens' `aud` */
  audience: string;
  /** its public keys, as a JWK set */
  jwks: { keys: readonly Record<string, unknown>[] };
  /** the claim that holds a person's groups */
  groupsClaim: string;
  /** group → role */
  roles: Record<string, string>;
};

export type IdentityProvidersStore = ReturnType<typeof identityProvidersStore>;

/** The tenants' identity providers. Written by vendor-api. */
export function identityProvidersStore(dynamo: Dynamo) {
  // As text: names of groups and members of keys are others' data
  const table = openTable<{ tenant: string; provider: string }>(dynamo, tables.identityProviders);
  return {
    async put(provider: IdentityProvider): Promise<void> {
      await table.put({ tenant: provider.tenant, provider: JSON.stringify(provider) });
    },
    async get(tenant: string): Promise<IdentityProvider | undefined> {
      const row = await table.get({ tenant }, { consistent: true });
      return row && JSON.parse(row.provider);
    },
  };
}
