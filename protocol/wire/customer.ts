import { z } from "zod";
import { PageQuery, TokenHours } from "./account.ts";
import { EnrolmentToken } from "./enrol.ts";
import { HostFacts, OutcomeCode } from "./host.ts";
import { IncidentKind } from "./incident.ts";
import { Instant, MachineId, Name, PatchId, Sha256 } from "./names.ts";
import { PartlyApplied } from "./partial.ts";
import { Refusal } from "./refusal.ts";

/** `POST /v1/customers` */
export const NewCustomer = z.strictObject({ customer: Name, title: z.string().min(1).max(200) });
export const CustomerView = z.object({
  customer: Name,
  title: z.string(),
  groups: z.record(z.string(), z.object({ mode: z.enum(["auto", "report"]) })),
  createdAt: Instant,
});
export type CustomerView = z.infer<typeof CustomerView>;

/** `GET /v1/customers` */
export const CustomerList = z.object({ customers: z.array(CustomerView), cursor: z.string().optional() });

/** `POST /v1/customers/{customer}/enrolment-tokens` */
export const NewEnrolmentToken = z.strictObject({
  group: Name.optional().describe("`default` where it is left out; made where there is none of this name"),
  tags: z.array(Name).max(20).optional().describe("What each of the hosts is marked with"),
  uses: z.number().int().min(1).max(100_000).optional().describe("How many hosts may enrol with it; 1 where left out"),
  expiresInHours: TokenHours.optional().describe("24 where left out"),
  ephemeral: z
    .boolean()
    .optional()
    .describe("Hosts that go away by themselves: they retire when they stop, or 3 hours after"),
});
export const EnrolmentTokenCreated = z.object({
  token: EnrolmentToken.describe("Shown this once: the service keeps only its hash"),
  customer: Name,
  group: Name,
  tags: z.array(Name),
  uses: z.number().int(),
  ephemeral: z.boolean(),
  expiresAt: Instant,
});
export type EnrolmentTokenCreated = z.infer<typeof EnrolmentTokenCreated>;

/** `GET /v1/customers/{customer}/enrolment-tokens/{token}`: what names it enrols nothing */
export const EnrolmentTokenView = z.object({
  id: Sha256,
  group: Name,
  tags: z.array(Name),
  usesLeft: z.number().int(),
  ephemeral: z.boolean(),
  expiresAt: Instant,
  createdAt: Instant,
  revokedAt: Instant.optional(),
});
export type EnrolmentTokenView = z.infer<typeof EnrolmentTokenView>;
/** `GET /v1/customers/{customer}/enrolment-tokens` */
export const EnrolmentTokenList = z.object({ tokens: z.array(EnrolmentTokenView), cursor: z.string().optional() });

/** Trouble on a machine that is put down to a patch. */
export const TroubleView = z.object({ kind: IncidentKind, detail: z.string(), at: Instant });

/** What a machine refused as a whole. */
const RefusalView = Refusal.extend({
  since: Instant,
  last: Instant.describe("When it was met last; of one that goes on, to the hour"),
  over: Instant.optional().describe("When the same was verified again; absent while it goes on"),
});

/** `GET /v1/customers/{customer}/machines` */
export const MachineView = z.object({
  machine: MachineId,
  hostname: z.string(),
  group: Name,
  tags: z.array(Name),
  arch: z.string(),
  kernel: z.string(),
  agent: z.string(),
  failedUpdate: HostFacts.shape.failedUpdate.describe(
    "The newest release of the agent that was given up there, and why",
  ),
  refusals: z
    .array(RefusalView)
    .describe(
      "Plans, metadata and releases of the agent that it refused in the last week, the newest first; `name` is whose metadata or which release. A refused patch is among `patches`",
    ),
  enrolledAt: Instant,
  seenAt: Instant,
  liveness: z
    .enum(["live", "stale", "silent", "retired"])
    .describe(
      "stale: unseen for 30 hours; silent: for 14 days; retired: for 90 days, an ephemeral one for 3 hours, or by somebody's word",
    ),
  ephemeral: z.boolean(),
  retired: z
    .object({ at: Instant, by: z.enum(["itself", "operator"]) })
    .optional()
    .describe("By whose word; absent where silence alone retired it"),
  patches: z
    .array(
      z.object({
        patch: PatchId,
        state: OutcomeCode,
        detail: z.string(),
        at: Instant,
        trouble: TroubleView.optional().describe("Came while it was in, and counts as its failure"),
        partial: PartlyApplied.optional().describe("Some processes lack it; absent where all have it"),
      }),
    )
    .describe("What each patch came to, by the machine's newest receipt"),
});
export type MachineView = z.infer<typeof MachineView>;
/** `GET /v1/customers/{customer}/machines` */
export const MachineQuery = PageQuery.extend({
  retired: z
    .enum(["true", "false"])
    .optional()
    .describe("Whether retired machines are listed, too: not where it is left out"),
});
export const MachineList = z.object({ machines: z.array(MachineView), cursor: z.string().optional() });

/** Which machines are meant: those that fit all that is said. */
const MachineFilter = z
  .strictObject({
    group: Name.optional(),
    tags: z.array(Name).min(1).max(20).optional().describe("All of them"),
    hostname: z.string().min(1).max(253).optional().describe("What the name begins with"),
    silentForDays: z.number().int().min(1).max(3650).optional(),
  })
  .refine((filter) => Object.keys(filter).length > 0, "say at least one thing: an empty filter is rarely meant");
export type MachineFilter = z.infer<typeof MachineFilter>;

/** `POST /v1/customers/{customer}/machines/bulk` */
export const BulkChange = z.strictObject({
  filter: MachineFilter,
  change: z.strictObject({
    group: Name.optional().describe("Moves them; made where there is none of this name"),
    addTags: z.array(Name).max(20).optional(),
    removeTags: z.array(Name).max(20).optional(),
  }),
  dryRun: z.boolean().optional().describe("Only says which machines it would change"),
  cursor: z.string().max(2048).optional(),
});
export type BulkChange = z.infer<typeof BulkChange>;
export const BulkResult = z.object({
  dryRun: z.boolean(),
  machines: z.array(z.object({ machine: MachineId, hostname: z.string(), group: Name, tags: z.array(Name) })),
  cursor: z.string().optional(),
});
export type BulkResult = z.infer<typeof BulkResult>;
