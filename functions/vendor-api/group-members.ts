import { roleOfGroups } from "../domain/group-roles.ts";
import type { IdentityProvider } from "../stores/identity-providers.ts";
import type { MembersStore } from "../stores/members.ts";
import { rolesOf, type Tenant, tenantKey } from "./tenants.ts";

/**
 * What a person's groups at the tenant's identity provider make of the membership: of several roles the highest; none where no group
 * has one, and a membership that there was ends.
 * @param user an e-mail address in lower case, as the provider vouches for it
 * @param now milliseconds since the epoch
 */
export async function memberByGroups(
  tenant: Tenant,
  { user, groups }: { user: string; groups: readonly string[] },
  provider: Pick<IdentityProvider, "roles">,
  { members, now }: { members: MembersStore; now: number },
): Promise<string | undefined> {
  const key = tenantKey(tenant);
  const role = roleOfGroups<string>(groups, provider.roles, rolesOf[tenant.kind]);
  if (role !== undefined) await members.put({ tenant: key, user, role, joinedAt: now });
  else if (await members.get(key, user)) await members.remove(key, user, now);
  return role;
}
