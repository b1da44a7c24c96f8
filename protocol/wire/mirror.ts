import { z } from "zod";
import { Sha256 } from "./names.ts";

/** Where a mirror keeps things, below its folder or its address: the public files as the service has them, and bundles by digest. */
export const mirrorPath = {
  metadata: (repository: string, name: string) => `tuf/${repository}/${name}`,
  bundle: (sha256: string) => `bundles/${sha256}`,
};

/** `POST /v1/customers/{customer}/downloads` */
export const DownloadsRequest = z.strictObject({ bundles: z.array(Sha256).min(1).max(1000) });
export const DownloadsAnswer = z.object({
  downloads: z
    .array(z.object({ sha256: Sha256, url: z.string() }))
    .describe("Only what a subscription of the customer's covers"),
});
