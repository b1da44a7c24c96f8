import { z } from "zod";
import { Instant, Name } from "./names.ts";

/** A sign-in for programs, sent as `Authorization: Bearer`. */
export const ApiTokenText = z.string().regex(/^suture-api\.[A-Za-z0-9_-]{43}$/, "suture-api.SECRET");

/** Who a token speaks for, and what it may do there. */
export const Principal = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("operator"), tenant: z.literal("service"), role: z.literal("operator") }),
  z.object({ kind: z.literal("vendor"), tenant: Name, role: z.literal("publisher") }),
  z.object({ kind: z.literal("customer"), tenant: Name, role: z.literal("viewer") }),
]);
export type Principal = z.infer<typeof Principal>;

/** `GET /v1/whoami` */
export const Whoami = z.object({ principal: Principal, label: z.string(), expiresAt: Instant });
export type Whoami = z.infer<typeof Whoami>;

/** A new API token. It is shown this once: the service keeps only its hash. */
export const NewApiToken = z.object({ token: ApiTokenText, label: z.string(), expiresAt: Instant });
export type NewApiToken = z.infer<typeof NewApiToken>;

export const TokenLabel = z.string().min(1).max(100);
/** Up to two years. */
export const TokenHours = z.number().int().min(1).max(17_520);

/** Which part of a list is wanted: at most `limit` items, after the one where `cursor` was given. */
export const PageQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).optional(),
  cursor: z.string().max(2048).optional(),
});
