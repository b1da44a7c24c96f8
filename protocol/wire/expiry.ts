import { z } from "zod";
import { Instant, Name } from "./names.ts";

/** How near a signature's end is. */
export const Ending = z.enum(["fine", "ends-in-60-days", "ends-in-30-days", "ends-in-7-days", "ended"]);
export type Ending = z.infer<typeof Ending>;

/** `GET /v1/expiries` */
export const ExpiryList = z.object({
  roles: z.array(
    z.object({
      repository: z.string().describe("A vendor's, or `service`"),
      role: z.string(),
      version: z.number().int(),
      expires: Instant,
      ending: Ending,
      keys: z.number().int(),
      threshold: z.number().int(),
    }),
  ),
  cursor: z.string().optional(),
});
export type ExpiryList = z.infer<typeof ExpiryList>;

/** `GET /v1/vendors/{vendor}/expiries`: a handful, so whole */
export const VendorExpiries = ExpiryList.omit({ cursor: true }).extend({ vendor: Name });
