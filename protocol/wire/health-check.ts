import { z } from "zod";

/** A program and its arguments, run as they are: no shell reads them, and no PATH is searched. */
export const CheckCommand = z
  .array(z.string().max(1024))
  .min(1)
  .max(32)
  .refine(([program = ""]) => program.startsWith("/"), "begins with the program's absolute path")
  .describe("The program's absolute path and its arguments; no shell. Exit code 0 is healthy");

export const TcpPort = z.number().int().min(1).max(65_535);

/** How long a check may take; seconds. What takes longer has failed. */
export const CheckTimeout = z.number().int().min(1).max(60).default(10);

/** A probe that a vendor signs: it must pass after the patch is applied; the first that fails within the window undoes the patch. */
export const HealthCheck = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("tcp"), port: TcpPort.describe("Port on the host's loopback") }),
  z.strictObject({
    kind: z.literal("http"),
    url: z
      .url({ protocol: /^http$/, hostname: /^(?:127\.0\.0\.1|localhost)$/ })
      .describe("Loopback address; any 2xx is healthy"),
  }),
  z.strictObject({ kind: z.literal("command"), command: CheckCommand, timeoutSeconds: CheckTimeout }),
]);
export type HealthCheck = z.infer<typeof HealthCheck>;
