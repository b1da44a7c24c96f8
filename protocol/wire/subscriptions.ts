import { z } from "zod";
import { Channel, Instant, Name } from "./names.ts";

/** `PUT /v1/customers/{customer}/subscriptions/{vendor}/{product}/{channel}` */
export const SubscriptionTerms = z.strictObject({
  plan: Name.optional().describe("What it is sold as; `standard` where it is left out"),
  seats: z.number().int().min(1).max(10_000_000),
  endsAt: z.iso.datetime().nullable().describe("null: no end"),
  graceDays: z.number().int().min(0).max(90).optional().describe("Served for so long after its end; 14 where left out"),
});
export const SubscriptionView = z.object({
  customer: Name,
  vendor: Name,
  product: Name,
  channel: Channel,
  plan: Name,
  seats: z.number().int(),
  seatsTaken: z.number().int(),
  endsAt: Instant.nullable(),
  graceDays: z.number().int(),
  standing: z.enum(["active", "grace", "ended", "revoked"]).describe("New patches come in `active` and `grace`"),
  revokedAt: Instant.optional(),
});
export type SubscriptionView = z.infer<typeof SubscriptionView>;
/** `GET /v1/customers/{customer}/subscriptions`, `GET /v1/vendors/{vendor}/subscriptions` */
export const SubscriptionList = z.object({ subscriptions: z.array(SubscriptionView), cursor: z.string().optional() });

const UsageView = z.object({
  customer: Name,
  stream: z.string().describe("vendor/product/channel"),
  month: z.string().describe("such as 2026-11, in UTC"),
  machines: z.number().int().describe("Machines that held a seat at some time of the month"),
  seats: z.number().int(),
  countedAt: Instant,
});
export type UsageView = z.infer<typeof UsageView>;
/** `GET /v1/customers/{customer}/usage`, `GET /v1/vendors/{vendor}/usage` */
export const UsageList = z.object({ usage: z.array(UsageView), cursor: z.string().optional() });
