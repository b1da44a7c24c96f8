import { z } from "zod";
import { MachineId, PatchId } from "./names.ts";

/**
 * Trouble on a host that no health window saw: the kernel oopsed; a patched program keeps ending soon after it starts; the host
 * went down and nobody had asked it to.
 */
export const IncidentKind = z.enum(["oops", "crash-loop", "reboot"]);
export type IncidentKind = z.infer<typeof IncidentKind>;

/** What a machine noticed, as it signs it. What it is to be put down to is the service's to say. */
export const Incident = z.strictObject({
  incident: z.literal(1),
  machine: MachineId,
  /** one row of numbers with the machine's receipts: the service keeps each once, and knows which of two was first */
  sequence: z.number().int().min(1),
  kind: IncidentKind,
  detail: z.string().max(2000),
  /** what was in effect where it happened, and since when in seconds since the epoch: in that program, or on the whole host */
  applied: z.array(z.strictObject({ patch: PatchId, since: z.number().int() })).max(2000),
  /** seconds since the epoch, by the machine's clock; of a reboot, when the host was up again */
  at: z.number().int(),
});
export type Incident = z.infer<typeof Incident>;
