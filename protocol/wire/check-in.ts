import { z } from "zod";
import { HostFacts, OutcomeCode } from "./host.ts";
import { MachineId, PatchId } from "./names.ts";

/** A patch that the machine knows of, in the machine's own words. */
export const HeldPatch = z.strictObject({
  patch: PatchId,
  state: OutcomeCode,
  /** seconds since the epoch, by the machine's clock */
  since: z.number().int(),
  /** an administrator of this host keeps it away, whatever a plan says; `state` is `undone` where nothing else is known */
  heldHere: z.literal(true).optional(),
});
export type HeldPatch = z.infer<typeof HeldPatch>;

const Versions = z.strictObject({
  root: z.number().int().min(1),
  timestamp: z.number().int().min(0),
  /** where it is the newest too, the answer leaves out what it names */
  snapshot: z.number().int().min(0).optional(),
});
export type MetadataVersions = z.infer<typeof Versions>;

/** The payload of the JWS that a machine sends when it checks in. */
export const CheckInRequest = z.strictObject({
  machine: MachineId,
  /** rises with every request; persisted before it is sent, so that a copied request is known as such */
  counter: z.number().int().min(1),
  iat: z.number().int(),
  facts: HostFacts,
  patches: z.array(HeldPatch).max(2000),
  /** the metadata that the machine holds, by repository (`service` or a vendor's name) */
  metadata: z.record(z.string().max(64), Versions),
});
export type CheckInRequest = z.infer<typeof CheckInRequest>;

export const CheckInAnswer = z.object({
  /** compact JWS, see plan.ts */
  plan: z.string().max(1_000_000),
  ticket: z.string().max(8192),
  /** metadata files that the machine lacks, and small targets: repository → file name → text. A hint: anything missing is fetched */
  metadata: z.record(z.string(), z.record(z.string(), z.string())),
  /** bundle SHA-256 → a URL that works for a few minutes */
  downloads: z.record(z.string(), z.string().max(8192)),
  /** seconds since the epoch, by the service's clock */
  serverTime: z.number().int(),
});
export type CheckInAnswer = z.infer<typeof CheckInAnswer>;

/** The header that carries the ticket of a poll, and the one that answers with the seconds until the next. */
export const ticketHeader = "suture-ticket";
export const nextPollHeader = "suture-next-poll";

/** A poll's answer when there may be news; "nothing new" is 204 without a body. */
export const PollAnswer = z.object({ checkIn: z.literal(true) });
