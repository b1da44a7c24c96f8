import { z } from "zod";
import { OutcomeCode } from "./host.ts";
import { MachineId, PatchId, Sha256 } from "./names.ts";
import { statementType } from "./statement.ts";

type Json = z.core.util.JSONType;

/** JSON of at most so many levels: nested without a bound it would overflow the stack of whoever reads it. */
function jsonOf(levels: number): z.ZodType<Json> {
  const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
  if (levels === 0) return scalar;
  const inner = jsonOf(levels - 1);
  return z.union([scalar, z.array(inner), z.record(z.string(), inner)]);
}

/** What an engine did on a machine. */
const Receipt = z.strictObject({
  machine: MachineId,
  /** rises with every receipt of this machine: the service keeps each number once */
  sequence: z.number().int().min(1),
  patch: PatchId,
  /** SHA-256 of the patch's manifest, in hexadecimal */
  manifest: Sha256,
  action: z.enum(["apply", "undo"]),
  code: OutcomeCode,
  detail: z.string().max(2000),
  evidence: z.record(z.string(), jsonOf(8)),
  /** the plan that ordered it; 0 where a person did on the host */
  planSeq: z.number().int().min(0),
  /** seconds since the epoch, by the machine's clock */
  at: z.number().int(),
});
export type Receipt = z.infer<typeof Receipt>;

/** What a machine waits for at the moment: tasks that are in the code to be replaced, or, on the way out, in the new one. */
export const Waiting = z.strictObject({
  patch: PatchId,
  action: Receipt.shape.action,
  /** seconds since the epoch, by the machine's clock */
  since: z.number().int(),
  /** the first twenty */
  tasks: z.array(z.strictObject({ task: z.string().max(64), pid: z.number().int() })).max(20),
});
export type Waiting = z.infer<typeof Waiting>;

/** The type of a receipt's predicate (docs/statements.md). */
export const receiptType = "urn:suture:receipt:v1";

/** A receipt as the machine signs it: an in-toto statement about the patch's manifest. */
export const ReceiptStatement = z.strictObject({
  _type: z.literal(statementType),
  subject: z.tuple([z.strictObject({ name: PatchId, digest: z.strictObject({ sha256: Sha256 }) })]),
  predicateType: z.literal(receiptType),
  predicate: Receipt.omit({ patch: true, manifest: true }).extend({ at: z.iso.datetime() }),
});
export type ReceiptStatement = z.infer<typeof ReceiptStatement>;

/**
 * A machine's report: receipts, each a DSSE envelope by the machine's key, as JSON text; incidents, each a compact JWS by it. Sending one
 * twice changes nothing.
 */
export const Report = z.strictObject({
  machine: MachineId,
  receipts: z.array(z.string().max(256_000)).max(100),
  incidents: z.array(z.string().max(256_000)).max(100).optional(),
  waiting: Waiting.optional(),
});
export type Report = z.infer<typeof Report>;

/** One of a report's statements that is not kept, by its place in its list, and why: to send it again is of no use. */
const SetAside = z.object({
  list: z.enum(["receipts", "incidents"]),
  at: z.number().int().min(0),
  code: z.string(),
  detail: z.string(),
});
export type SetAside = z.infer<typeof SetAside>;

/** The numbers of the receipts and incidents that are kept, and those that never will be. */
export const ReportAnswer = z.object({
  acknowledged: z.array(z.number().int()),
  setAside: z.array(SetAside).optional(),
});
export type ReportAnswer = z.infer<typeof ReportAnswer>;
