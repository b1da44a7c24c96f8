import { z } from "zod";
import { Instant, Name } from "./names.ts";

/** A sign-in for programs, sent as `Authorization: Bearer`. */
export const ApiTokenText = z.string().regex(/^suture-api\.[A-Za-z0-9_-]{43}$/, "suture-api.SECRET");

export const VendorRole = z.enum(["publisher", "viewer"]);
export const CustomerRole = z.enum(["owner", "operator", "viewer"]);
/** A role of whichever kind of tenant; the route knows which of them are its tenant's. */
export const TenantRole = z.union([CustomerRole, VendorRole]);

/** Who a token speaks for, and what it may do there. */
export const Principal = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("operator"), tenant: z.literal("service"), role: z.literal("operator") }),
  z.object({ kind: z.literal("vendor"), tenant: Name, role: VendorRole }),
  z.object({ kind: z.literal("customer"), tenant: Name, role: CustomerRole }),
]);
export type Principal = z.infer<typeof Principal>;

/** What the API is parted into, for scopes. */
export const Area = z.enum([
  "account",
  "audit",
  "customers",
  "machines",
  "members",
  "publishing",
  "rollouts",
  "subscriptions",
  "support",
  "tokens",
  "vendors",
  "service",
]);
export type Area = z.infer<typeof Area>;

/** What a token is limited to, beside its role: `machines:read`; `machines:write`, which reads too. */
export const Scope = z.templateLiteral([Area, z.literal(":"), z.enum(["read", "write"])]);
export type Scope = z.infer<typeof Scope>;
export const Scopes = z.array(Scope).min(1).max(24).describe("Left out: all that the role may");

/** `GET /v1/whoami` */
export const Whoami = z.object({
  principal: Principal,
  label: z.string(),
  user: z.string().optional(),
  scopes: Scopes.optional(),
  expiresAt: Instant,
});
export type Whoami = z.infer<typeof Whoami>;

const TokenLabel = z.string().min(1).max(100);
/** How long a token lives, in hours: from one minute, 1/60, to two years. */
export const TokenHours = z
  .number()
  .min(1 / 60)
  .max(17_520);

/** `POST /v1/customers/{customer}/api-tokens` */
export const NewCustomerToken = z.strictObject({
  role: CustomerRole,
  label: TokenLabel,
  expiresInHours: TokenHours,
  scopes: Scopes.optional(),
});
/** `POST /v1/vendors/{vendor}/api-tokens` */
export const NewVendorToken = z.strictObject({
  role: VendorRole.optional().describe("`publisher` where it is left out"),
  label: TokenLabel,
  expiresInHours: TokenHours.optional().describe("A year where it is left out"),
  scopes: Scopes.optional(),
});

/** A new API token. It is shown this once: the service keeps only its hash. */
export const NewApiToken = z.object({ token: ApiTokenText, label: z.string(), expiresAt: Instant });
export type NewApiToken = z.infer<typeof NewApiToken>;

/** An API token as a list shows it: what names it opens nothing. */
export const ApiTokenView = z.object({
  id: z.string(),
  role: z.string(),
  label: z.string(),
  user: z.string().optional(),
  scopes: Scopes.optional(),
  createdAt: Instant,
  expiresAt: Instant,
  revokedAt: Instant.optional(),
});
export type ApiTokenView = z.infer<typeof ApiTokenView>;
/** `GET /v1/customers/{customer}/api-tokens`, `GET /v1/vendors/{vendor}/api-tokens` */
export const ApiTokenList = z.object({ tokens: z.array(ApiTokenView), cursor: z.string().optional() });

/** Which part of a list is wanted: at most `limit` items, after the one where `cursor` was given. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).optional(),
  cursor: z.string().max(2048).optional(),
});
