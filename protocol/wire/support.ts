import { z } from "zod";
import { BuildId } from "./host.ts";
import { Instant, MachineId, Name } from "./names.ts";

const Day = z.iso.date().describe("The last day, in UTC");
const Common = { title: z.string().min(1).max(200), arch: z.string().min(1).max(32), until: Day };

/** What a product covers, and until when: kernels by release, programs by build. */
export const SupportMatrix = z.strictObject({
  kernels: z
    .array(z.strictObject({ ...Common, kernel: z.string().min(1).max(128).describe("as `uname -r` says it") }))
    .max(1000),
  builds: z.array(z.strictObject({ ...Common, buildId: BuildId })).max(1000),
  programs: z
    .array(z.string().min(1).max(4096))
    .max(100)
    .describe("Paths of the product's programs: a build that runs from one of them and is not listed is outside"),
});
export type SupportMatrix = z.infer<typeof SupportMatrix>;

/** `PUT` and `GET /v1/vendors/{vendor}/products/{product}/support` */
export const SupportView = z.object({ vendor: Name, product: Name, matrix: SupportMatrix });

/** How well something that runs on a machine is covered. */
export const Coverage = z.enum(["covered", "ends-in-30-days", "ends-in-7-days", "ended", "outside"]);
export type Coverage = z.infer<typeof Coverage>;

/** `GET /v1/customers/{customer}/support` */
export const SupportReport = z.object({
  machines: z.array(
    z.object({
      machine: MachineId,
      hostname: z.string(),
      products: z.array(
        z.object({
          vendor: Name,
          product: Name,
          what: z.string().describe("`kernel 6.1.0-28-amd64`, or `build 3f…` and where it runs from"),
          coverage: Coverage,
          until: Instant.optional(),
        }),
      ),
    }),
  ),
  cursor: z.string().optional(),
});
export type SupportReport = z.infer<typeof SupportReport>;
