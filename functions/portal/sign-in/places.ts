import { Principal } from "../../../protocol/wire/account.ts";
import type { IdentityProvidersStore } from "../../stores/identity-providers.ts";
import type { MembersStore } from "../../stores/members.ts";
import { collect } from "../../stores/page.ts";
import { memberByGroups } from "../../vendor-api/group-members.ts";
import type { Tenant } from "../../vendor-api/tenants.ts";
import type { Person, ProviderConfig } from "./provider.ts";

type Deps = {
  members: MembersStore;
  identityProviders: IdentityProvidersStore;
  /** milliseconds since the epoch */
  now: number;
};

/** Who runs the service: a group of its own identity provider. */
const operators = "suture-operators";
const service = "operator/service";

/**
 * Everywhere that a person who signed in may be. Where a tenant's identity provider is the one that the person came from, the groups
 * decide, anew at each sign-in; elsewhere the membership that an invitation made.
 * @param asked a tenant whose groups the person may be in without being a member yet
 */
export async function placesOf(
  person: Person,
  { issuer, clientId }: ProviderConfig,
  asked: Tenant | undefined,
  deps: Deps,
): Promise<Principal[]> {
  const { members, now } = deps;
  const { user, groups } = person;
  if (groups.includes(operators)) await members.put({ tenant: service, user, role: "operator", joinedAt: now });
  else if (await members.get(service, user)) await members.remove(service, user, now);

  const known = await collect((page) => members.listByUser(user, page));
  const tenants = known.map(({ tenant }) => tenant).filter((tenant) => tenant !== service);
  if (asked !== undefined) tenants.push(`${asked.kind}/${asked.tenant}`);
  for (const key of new Set(tenants)) {
    const provider = await deps.identityProviders.get(key);
    const tenant = tenantIn(key);
    if (tenant !== undefined && provider?.issuer === issuer && provider.audience === clientId) {
      await memberByGroups(tenant, person, provider, deps);
    }
  }
  const current = await collect((page) => members.listByUser(user, page));
  return current.flatMap(({ tenant, role }) => {
    const [kind, name] = tenant.split("/");
    return Principal.safeParse({ kind, tenant: name, role }).data ?? [];
  });
}

/** A tenant by its key, `customer/globex`. */
export function tenantIn(key: string): Tenant | undefined {
  const [kind, tenant] = key.split("/");
  if (!tenant || (kind !== "vendor" && kind !== "customer")) return undefined;
  return { kind, tenant };
}
