import { z } from "zod";

/**
 * A patch that some processes of its build have and some lack: `evidence.partial` of a receipt whose code is `applied`. A process that
 * lacks it is exposed, so such a machine is neither patched nor failed.
 */
export const PartlyApplied = z.object({
  patched: z.number().int().min(0),
  skipped: z.number().int().min(1),
  /** how many were skipped by what became of each, as an outcome's code */
  reasons: z
    .record(z.string().max(32), z.number().int())
    .refine((reasons) => Object.keys(reasons).length <= 16, "no more reasons than there are codes"),
});
export type PartlyApplied = z.infer<typeof PartlyApplied>;

/** What evidence says of processes that lack a patch; undefined where all have it. What cannot be read is no proof that all do. */
export function partialIn({ partial }: Readonly<Record<string, unknown>>): PartlyApplied | undefined {
  if (partial === undefined) return undefined;
  return PartlyApplied.safeParse(partial).data ?? { patched: 0, skipped: 1, reasons: {} };
}
