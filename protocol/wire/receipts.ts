import { z } from "zod";
import { MachineKey } from "./enrol.ts";
import { Instant, MachineId } from "./names.ts";
import { Envelope } from "./statement.ts";

/** `GET /v1/customers/{customer}/machines/{machine}/receipts` */
export const ReceiptList = z.object({
  machine: MachineId,
  publicKey: MachineKey,
  receipts: z.array(z.object({ sequence: z.number().int(), receivedAt: Instant, envelope: Envelope })),
  cursor: z.string().optional(),
});
