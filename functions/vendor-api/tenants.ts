import type { Context } from "hono";
import { z } from "zod";
import { CustomerRole, VendorRole } from "../../protocol/wire/account.ts";
import { Name } from "../../protocol/wire/names.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";

/** The two kinds of tenant have much in common: people, tokens, a log. Their routes differ in the path alone. */
export const tenantKinds = ["vendor", "customer"] as const;
export type TenantKind = (typeof tenantKinds)[number];
export type Tenant = { kind: TenantKind; tenant: string };

/** The roles of each kind, the highest first. */
export const rolesOf = { vendor: VendorRole.options, customer: CustomerRole.options } as const;

type TenantParams = z.ZodObject<{
  tenants: z.ZodEnum<{ vendors: "vendors"; customers: "customers" }>;
  tenant: typeof Name;
}>;

/**
 * Path and parameters of a route that both kinds have. Its type is one route for both, so that a client can use it without asking
 * which kind it has.
 */
export function tenantRoute<Tail extends string>(kind: TenantKind, tail: Tail) {
  const path: string = `/v1/${kind}s/{${kind}}${tail}`;
  const params: z.ZodType = z.object({ [kind]: Name });
  return {
    path: path as `/v1/{tenants}/{tenant}${Tail}`,
    tags: [`${kind}s`],
    request: { params: params as TenantParams },
  };
}

/**
 * The tenant in a request's path.
 * @throws SutureError `not-found` where there is no such tenant
 */
export async function tenantOf(c: Context, kind: TenantKind, deps: Pick<VendorApiDeps, "vendors" | "customers">) {
  const tenant = c.req.param(kind) ?? "";
  const found = kind === "vendor" ? await deps.vendors.get(tenant) : await deps.customers.get(tenant);
  if (found === undefined) throw noSuch(kind, tenant);
  return { kind, tenant } satisfies Tenant;
}

/** Under which members, logs and identity providers of a tenant are kept. */
export function tenantKey({ kind, tenant }: Tenant): string {
  return `${kind}/${tenant}`;
}
