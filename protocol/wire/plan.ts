import { z } from "zod";
import { ReleaseVersion } from "./agent-release.ts";
import { MachineId, PatchId, Sha256 } from "./names.ts";

/** Why a plan undoes or holds a patch. An agent accepts an undo only for a reason that it can check or limit. */
const UndoReason = z.enum(["recall", "superseded", "policy"]);
export const HoldReason = z.enum([
  "no-variant",
  "not-entitled",
  "report-only",
  "waiting-for-requirement",
  "failed-before",
  "stalled-before",
  "quarantined",
  "cloned",
  "held-by-host",
  "held-for-everyone",
  "vendor-stopped",
  "recall-kept",
  "rollout-halted",
  "pinned",
  "no-seat",
  "awaiting-approval",
  "wave-not-open",
  "outside-window",
  // no patch for this kernel until a reboot into the one that is installed, or into one that is still looked after
  "kernel-not-booted",
  "kernel-ended",
]);
export type HoldReason = z.infer<typeof HoldReason>;

/** One decision about one patch. */
export const PlanAction = z.discriminatedUnion("do", [
  z.strictObject({
    do: z.literal("apply"),
    patch: PatchId,
    /** of the manifest, which must also be the one that the vendor's metadata names */
    manifest: Sha256,
  }),
  z.strictObject({ do: z.literal("undo"), patch: PatchId, because: UndoReason }),
  z.strictObject({
    do: z.literal("hold"),
    patch: PatchId,
    because: HoldReason,
    /** seconds since the epoch, where it matters since when: a reboot that is due */
    since: z.number().int().optional(),
  }),
]);
export type PlanAction = z.infer<typeof PlanAction>;

/** What the service signs for one machine. Times are seconds since the epoch. */
export const Plan = z.strictObject({
  plan: z.literal(1),
  machine: MachineId,
  /** the counter of the check-in that it answers */
  seq: z.number().int().min(1),
  iat: z.number().int(),
  exp: z.number().int(),
  checkInBy: z.number().int(),
  pollSeconds: z.number().int().min(1),
  /** where the agents' API is, if not under the service's own name, which stays the way back */
  agentUrl: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional(),
  /** the release of the agent that this machine should change to, if not the one that it runs */
  agentRelease: ReleaseVersion.optional(),
  actions: z.array(PlanAction).max(2000),
});
export type Plan = z.infer<typeof Plan>;

/** The keys that may sign plans: the target `plan-keys/keys.json` of the service's repository. */
export const PlanKeys = z.strictObject({
  keys: z
    .array(
      z.strictObject({
        kid: z.string().min(1).max(64),
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
        /** seconds since the epoch: valid from, valid until */
        nbf: z.number().int(),
        exp: z.number().int(),
      }),
    )
    .min(1)
    .max(16),
});
export type PlanKeys = z.infer<typeof PlanKeys>;
export const planKeysPath = "plan-keys/keys.json";
/** Where the service's `vendors` role keeps a vendor's first root. */
export const vendorRootPath = (vendor: string) => `vendors/${vendor}.root.json`;
