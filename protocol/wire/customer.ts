import { z } from "zod";
import { TokenHours, TokenLabel } from "./account.ts";
import { EnrolmentToken } from "./enrol.ts";
import { OutcomeCode } from "./host.ts";
import { Channel, Instant, MachineId, Name, PatchId } from "./names.ts";

/** `POST /v1/customers` */
export const NewCustomer = z.strictObject({ customer: Name, title: z.string().min(1).max(200) });
export const CustomerView = z.object({
  customer: Name,
  title: z.string(),
  groups: z.record(z.string(), z.object({ mode: z.enum(["auto", "report"]) })),
  createdAt: Instant,
});
export type CustomerView = z.infer<typeof CustomerView>;

/** `GET /v1/customers` */
export const CustomerList = z.object({ customers: z.array(CustomerView), cursor: z.string().optional() });

/** `PUT /v1/customers/{customer}/subscriptions/{vendor}/{product}/{channel}` */
export const SubscriptionTerms = z.strictObject({
  seats: z.number().int().min(1).max(10_000_000),
  endsAt: z.iso.datetime().nullable().describe("null: no end"),
});
export const SubscriptionView = z.object({
  customer: Name,
  vendor: Name,
  product: Name,
  channel: Channel,
  seats: z.number().int(),
  endsAt: Instant.nullable(),
});
export type SubscriptionView = z.infer<typeof SubscriptionView>;

/** `POST /v1/customers/{customer}/enrolment-tokens` */
export const NewEnrolmentToken = z.strictObject({
  group: Name.optional().describe("`default` where it is left out; made where there is none of this name"),
  uses: z.number().int().min(1).max(100_000).optional().describe("How many hosts may enrol with it; 1 where left out"),
  expiresInHours: TokenHours.optional().describe("24 where left out"),
});
export const EnrolmentTokenCreated = z.object({
  token: EnrolmentToken.describe("Shown this once: the service keeps only its hash"),
  customer: Name,
  group: Name,
  uses: z.number().int(),
  expiresAt: Instant,
});
export type EnrolmentTokenCreated = z.infer<typeof EnrolmentTokenCreated>;

/** `POST /v1/customers/{customer}/api-tokens` */
export const NewCustomerToken = z.strictObject({
  role: z.literal("viewer"),
  label: TokenLabel,
  expiresInHours: TokenHours,
});

/** `GET /v1/customers/{customer}/machines` */
export const MachineView = z.object({
  machine: MachineId,
  hostname: z.string(),
  group: Name,
  arch: z.string(),
  kernel: z.string(),
  agent: z.string(),
  enrolledAt: Instant,
  seenAt: Instant,
  patches: z
    .array(z.object({ patch: PatchId, state: OutcomeCode, detail: z.string(), at: Instant }))
    .describe("What each patch came to, by the machine's newest receipt"),
});
export type MachineView = z.infer<typeof MachineView>;
export const MachineList = z.object({ machines: z.array(MachineView), cursor: z.string().optional() });
