import { z } from "zod";
import { Instant } from "./names.ts";

/** One change, as the log keeps it. */
const AuditView = z.object({
  at: Instant,
  who: z.string().describe("Kind, tenant, role and label of the sign-in; or a job of the service"),
  what: z.string().describe("Method and path; or what a job did, and to what"),
  why: z.string().optional().describe("A job's reason"),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});
export type AuditView = z.infer<typeof AuditView>;
/** `GET /v1/audit`, `GET /v1/customers/{customer}/audit`, `GET /v1/vendors/{vendor}/audit`; newest first */
export const AuditList = z.object({ entries: z.array(AuditView), cursor: z.string().optional() });
export type AuditList = z.infer<typeof AuditList>;
