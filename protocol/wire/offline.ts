import { z } from "zod";
import { HeldPatch } from "./check-in.ts";
import { HostFacts } from "./host.ts";
import { MachineId, Name, PatchId, Sha256 } from "./names.ts";

/** A plan that is carried to hosts without a network may be valid for so long at most; seconds. */
export const longestOfflinePlan = 90 * 86_400;
/** The keys that may sign such plans: a target of the service's `plan-keys` role, shaped as `PlanKeys`. */
export const offlinePlanKeysPath = "plan-keys/offline.json";
/** Where a mirror or a bundle file has the plan of a customer's group. */
export const offlinePlanPath = (customer: string, group: string) => `offline/${customer}.${group}.plan`;

/**
 * What the hosts of one group may do without the service. Each host decides for itself which of the patches fit it. Times are seconds
 * since the epoch.
 */
export const OfflinePlan = z.strictObject({
  offlinePlan: z.literal(1),
  customer: Name,
  group: Name,
  /** a host that took a later one takes none from before it */
  iat: z.number().int(),
  exp: z.number().int(),
  actions: z
    .array(
      z.discriminatedUnion("do", [
        z.strictObject({ do: z.literal("apply"), patch: PatchId, manifest: Sha256 }),
        z.strictObject({ do: z.literal("undo"), patch: PatchId, because: z.literal("recall") }),
      ]),
    )
    .max(2000),
  /** machine → the newest of its receipts that the service has: it and those before it need not be carried again */
  acknowledged: z.record(MachineId, z.number().int().min(1)),
});
export type OfflinePlan = z.infer<typeof OfflinePlan>;

/** What a machine says of itself in a file that is carried to the service; signed as `suture-offline-report`. */
export const OfflineReport = z.strictObject({
  machine: MachineId,
  /** of the same row as a check-in's */
  counter: z.number().int().min(1),
  iat: z.number().int(),
  facts: HostFacts,
  patches: z.array(HeldPatch).max(2000),
});
export type OfflineReport = z.infer<typeof OfflineReport>;

/** The file that `suture-agent report export` writes: the machine's word of itself, and its reports (`suture-report`). */
export const ReportFile = z.strictObject({
  report: z.literal(1),
  machine: MachineId,
  said: z.string().max(2_000_000),
  reports: z.array(z.string().max(2_000_000)).max(1000),
});
export type ReportFile = z.infer<typeof ReportFile>;

/** `POST /v1/customers/{customer}/offline-plans` */
export const OfflinePlanRequest = z.strictObject({
  group: Name,
  days: z.number().int().min(1).max(90).default(30),
});
export const OfflinePlanAnswer = z.object({
  group: Name,
  plan: z.string().describe("A compact JWS (RFC 7515) by an offline plan key"),
  expiresAt: z.iso.datetime(),
  apply: z.number().int(),
  undo: z.number().int(),
  heldBack: z.array(z.object({ patch: PatchId, because: z.string() })),
});
export type OfflinePlanAnswer = z.infer<typeof OfflinePlanAnswer>;

/** `POST /v1/customers/{customer}/offline-reports`: one signed statement of a machine's, carried here. */
export const CarriedStatement = z.strictObject({
  kind: z.enum(["said", "report"]),
  statement: z.string().max(900_000),
});
export const CarriedAnswer = z.object({
  machine: MachineId,
  taken: z.boolean().describe("False where the service knew something newer"),
  receipts: z.number().int(),
});
