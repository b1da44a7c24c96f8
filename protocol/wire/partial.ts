import { z } from "zod";

/**
 * A patch that some processes of its build have and some lack: `evidence.partial` of a receipt whose code is `applied`. A process that
 * lacks it is exposed, so such a machine is neither patched nor failed.
 */
export const PartlyApplied = z.object({
  patched: z.number().int().min(0),
  skipped: z.number().int().min(1),
  /** how many were skipped by what became of each, as an outcome's code */
  reasons: z.record(z.string(), z.number().int()),
});
export type PartlyApplied = z.infer<typeof PartlyApplied>;

/** What evidence says of processes that lack a patch; undefined where all have it. */
export function partialIn(evidence: Readonly<Record<string, unknown>>): PartlyApplied | undefined {
  return PartlyApplied.safeParse(evidence.partial).data;
}
