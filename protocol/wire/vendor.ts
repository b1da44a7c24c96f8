import { z } from "zod";
import { Channel, Instant, Name, PatchId, Sha256 } from "./names.ts";
import { Manifest, maxPayloadBytes } from "./patch.ts";
import { Publication } from "./publication.ts";

export const TufKeyJson = z.object({
  keyid: Sha256,
  keytype: z.literal("ecdsa"),
  scheme: z.literal("ecdsa-sha2-nistp256"),
  keyval: z.object({ public: z.string() }),
});
const OnlineKeys = z.object({ snapshot: TufKeyJson, timestamp: TufKeyJson });

/** A role that a vendor signs itself. */
export const RoleName = z
  .string()
  .max(80)
  .regex(/^(?:root|targets|[a-z0-9-]+\.(?:edge|beta|stable))$/, "root, targets or product.channel");
const RoleVersion = z.number().int().min(1);

/** The name of a vendor; `service` is the service's own repository. */
const VendorName = Name.refine((name) => name !== "service", "this name is the service's own");

/** `POST /v1/vendors` */
export const NewVendor = z.strictObject({ vendor: VendorName, title: z.string().min(1).max(200) });
export const VendorCreated = z.object({
  vendor: Name,
  title: z.string(),
  onlineKeys: OnlineKeys,
  token: z.string().describe("The publisher's API token, shown this once"),
});
export type VendorCreated = z.infer<typeof VendorCreated>;

/** `POST /v1/vendors/{vendor}/online-keys` */
export const NextOnlineKeys = z.object({ vendor: Name, onlineKeys: OnlineKeys, nextOnlineKeys: OnlineKeys });

/** `GET /v1/vendors/{vendor}` */
export const VendorView = z.object({
  vendor: Name,
  title: z.string(),
  onlineKeys: OnlineKeys,
  roles: z.array(z.object({ role: z.string(), version: RoleVersion, acceptedAt: Instant })),
});
export type VendorView = z.infer<typeof VendorView>;

/** `GET /v1/vendors` */
export const VendorList = z.object({
  vendors: z.array(z.object({ vendor: Name, title: z.string(), createdAt: Instant })),
  cursor: z.string().optional(),
});

/** `GET /v1/vendors/{vendor}/metadata/{role}` */
export const RoleView = z.object({
  role: z.string(),
  version: RoleVersion,
  text: z.string().describe("The signed metadata, byte for byte"),
  recalls: z.string().optional().describe("The text of the role's recalls.json, where it has one"),
});
export type RoleView = z.infer<typeof RoleView>;

/** `PUT /v1/vendors/{vendor}/metadata/{role}` */
export const RoleUpdate = z.strictObject({
  text: z.string().min(1).describe("The signed metadata, byte for byte"),
  files: z
    .record(z.string().max(220), z.string())
    .optional()
    .describe("Text of each target file that the role names and the service does not have yet, by path"),
  publications: z
    .record(z.string().max(220), Publication)
    .optional()
    .describe("The vendor's signed statement of each new patch, by the path of its manifest"),
  override: z
    .string()
    .min(10)
    .max(500)
    .optional()
    .describe("Why a patch goes to stable without evidence from an earlier channel; it stands in the log"),
});
export type RoleUpdate = z.infer<typeof RoleUpdate>;
export const RoleAccepted = z.object({ role: z.string(), version: RoleVersion, override: z.string().optional() });
export type RoleAccepted = z.infer<typeof RoleAccepted>;

/** `POST /v1/vendors/{vendor}/uploads` */
export const UploadsRequest = z.strictObject({
  bundles: z
    .array(z.strictObject({ sha256: Sha256, size: z.number().int().min(1).max(maxPayloadBytes) }))
    .min(1)
    .max(256),
});
export const UploadsAnswer = z.object({
  uploads: z.array(
    z.discriminatedUnion("present", [
      z.object({ sha256: Sha256, present: z.literal(true) }),
      z.object({
        sha256: Sha256,
        present: z.literal(false),
        url: z.string(),
        method: z.literal("PUT"),
        headers: z.record(z.string(), z.string()),
      }),
    ]),
  ),
});
export type UploadsAnswer = z.infer<typeof UploadsAnswer>;

/** `GET /v1/vendors/{vendor}/patches` */
export const PatchView = z.object({
  id: PatchId,
  product: Name,
  channel: Channel,
  title: z.string(),
  severity: Manifest.shape.severity,
  cves: z.array(z.string()),
  state: z.enum(["live", "superseded", "withdrawn"]),
  liveAt: Instant,
  withdrawnAt: Instant.optional(),
  reason: z.string().optional(),
});
export type PatchView = z.infer<typeof PatchView>;
export const PatchList = z.object({ patches: z.array(PatchView), cursor: z.string().optional() });

/** `GET /v1/vendors/{vendor}/patches/{product}/{channel}/{patch}` */
export const PatchDetail = z.object({
  ...PatchView.shape,
  manifest: Manifest,
  manifestSha256: Sha256.optional().describe(
    "Of the manifest's exact bytes, as the channel's role names or named them",
  ),
  manifestLength: z.number().int().optional().describe("Their number"),
  evidence: z
    .object({ healthy: z.number().int(), machines: z.number().int(), hours: z.number() })
    .describe("On how many machines it was well for so many hours, of those that stable wants; counted no further"),
  adoption: z
    .object({
      customers: z.number().int().describe("Who subscribe to the channel"),
      rollouts: z.object({
        running: z.number().int(),
        halted: z.number().int(),
        aborted: z.number().int(),
        done: z.number().int(),
      }),
      machines: z.object({
        applied: z.number().int(),
        partial: z.number().int().default(0).describe("Applied, but not in every process"),
        failed: z.number().int(),
        undoing: z.number().int(),
        undone: z.number().int(),
        skipped: z.number().int(),
      }),
    })
    .describe("How far it has come among them, in sums: machines by what became of it"),
});
export type PatchDetail = z.infer<typeof PatchDetail>;
export const PatchName = z
  .string()
  .max(128)
  .regex(/^[a-z0-9-]+@[1-9][0-9]*$/, "Not of the form patch@version");
