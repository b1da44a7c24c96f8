import { z } from "zod";
import { Instant, MachineId, Name, PatchId } from "./names.ts";

const Reason = z.string().min(1).max(500);

/** Where the service's `recalls` role keeps the operator's statements. Both files only grow. */
export const operatorRecallsPath = "recalls/recalls.json";
export const vendorStopsPath = "recalls/stops.json";

/** `recalls/recalls.json`: what the operator recalls, by the whole patch id. */
export const OperatorRecalls = z.strictObject({
  recalls: z.array(z.strictObject({ patch: z.string().max(284), reason: Reason, at: z.iso.datetime() })).max(10_000),
});
export type OperatorRecalls = z.infer<typeof OperatorRecalls>;

/** `recalls/stops.json`: vendors of which nothing new is applied. Of several statements about a vendor the last one holds. */
export const VendorStops = z.strictObject({
  stops: z
    .array(z.strictObject({ vendor: Name, stopped: z.boolean(), reason: Reason, at: z.iso.datetime() }))
    .max(10_000),
});
export type VendorStops = z.infer<typeof VendorStops>;

/** `PUT /v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/recall` */
export const RecallTerms = z.strictObject({ reason: Reason.describe("Customers read it") });
/** How far a recall has come. A machine counts that had the patch when it was recalled, or has it still. */
export const RecallView = z.object({
  patch: PatchId,
  recalled: z.boolean(),
  reason: z.string().optional(),
  at: Instant.optional(),
  by: z.enum(["vendor", "operator"]).optional(),
  public: z.boolean().describe("Whether the signed statement stands in the public repository"),
  undone: z.number().int(),
  pending: z.number().int().describe("Machines that have it still: not heard from since, or busy in it"),
  medianSeconds: z.number().nullable().describe("From the recall until a machine had undone it"),
  slowestSeconds: z.number().nullable(),
  isSample: z
    .boolean()
    .describe("Whether more machines have or had it than were looked at: numbers are of those that were"),
});
export type RecallView = z.infer<typeof RecallView>;

/** `GET /v1/customers/{customer}/recalls`: a recalled patch on one machine. Never `undone` before the machine said so. */
const RecallOnMachine = z.object({
  patch: PatchId,
  machine: MachineId,
  hostname: z.string(),
  state: z.enum(["undone", "undo-pending"]),
  recalledAt: Instant,
  seconds: z.number().nullable().describe("From the recall until it was undone; null while it is not"),
  seenAt: Instant.describe("When the machine was heard from last"),
});
export type RecallOnMachine = z.infer<typeof RecallOnMachine>;
export const RecallsOnMachines = z.object({ machines: z.array(RecallOnMachine), cursor: z.string().optional() });

/** `PUT /v1/vendors/{vendor}/stop`: the operator's emergency stop for a whole vendor, and its end. */
export const VendorStopTerms = z.strictObject({ stopped: z.boolean(), reason: Reason });
export const VendorStopView = z.object({
  vendor: Name,
  stopped: z.boolean(),
  reason: z.string().optional(),
  at: Instant.optional(),
  public: z.boolean().describe("Whether the newest statement stands, signed, in the public repository"),
});
export type VendorStopView = z.infer<typeof VendorStopView>;
