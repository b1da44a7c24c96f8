/**
 * The role that a person's groups give: of several the highest.
 * @param groups as the identity provider says them
 * @param roles group → role
 * @param ranked every role that there is, the highest first
 */
export function roleOfGroups<Role extends string>(
  groups: readonly string[],
  roles: Readonly<Record<string, string>>,
  ranked: readonly Role[],
): Role | undefined {
  const given = new Set(groups.flatMap((group) => (Object.hasOwn(roles, group) ? [roles[group]] : [])));
  return ranked.find((role) => given.has(role));
}
