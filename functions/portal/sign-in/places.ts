import { Principal } from "../../../protocol/wire/account.ts";
import { noGroups } from "../../identity-claims.ts";
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
  { issuer, clientId, groupsClaim }: ProviderConfig,
  asked: Tenant | undefined,
  deps: Deps,
): Promise<Principal[]> {
  const { members, now } = deps;
  const { user, groups } = person;
  const isOperator = (await members.get(service, user)) !== undefined;
  // Roles that follow groups stay as they are where the groups are not known; nothing is written, and nobody is let in by them
  if (groups === undefined && isOperator) throw noGroups(groupsClaim);
  if (groups === undefined) await refuseGroupRoles(person, { issuer, clientId, groupsClaim }, asked, deps);
  else if (groups.includes(operators)) await members.put({ tenant: service, user, role: "operator", joinedAt: now });
  else if (isOperator) await members.remove(service, user, now);

  const known = await collect((page) => members.listByUser(user, page));
  const tenants = known.map(({ tenant }) => tenant).filter((tenant) => tenant !== service);
  if (asked !== undefined) tenants.push(`${asked.kind}/${asked.tenant}`);
  for (const key of new Set(tenants)) {
    const provider = await deps.identityProviders.get(key);
    const tenant = tenantIn(key);
    if (tenant !== undefined && provider?.issuer === issuer && provider.audience === clientId) {
      if (groups !== undefined) await memberByGroups(tenant, { user, groups }, provider, deps);
    }
  }
  const current = await collect((page) => members.listByUser(user, page));
  return current.flatMap(({ tenant, role }) => {
    const [kind, name] = tenant.split("/");
    return Principal.safeParse({ kind, tenant: name, role }).data ?? [];
  });
}

/** @throws SutureError `unauthorized` where a tenant of the person, or the one asked for, has the person's role follow groups */
async function refuseGroupRoles(
  { user }: Person,
  { issuer, clientId, groupsClaim }: ProviderConfig,
  asked: Tenant | undefined,
  { members, identityProviders }: Deps,
): Promise<void> {
  const known = (await collect((page) => members.listByUser(user, page))).map(({ tenant }) => tenant);
  for (const key of asked === undefined ? known : [...known, `${asked.kind}/${asked.tenant}`]) {
    const provider = await identityProviders.get(key);
    if (provider?.issuer === issuer && provider.audience === clientId) throw noGroups(groupsClaim);
  }
}

/** A tenant by its key, `customer/globex`. */
export function tenantIn(key: string): Tenant | undefined {
  const [kind, tenant] = key.split("/");
  if (!tenant || (kind !== "vendor" && kind !== "customer")) return undefined;
  return { kind, tenant };
}
