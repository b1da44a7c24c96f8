import { z } from "zod";
import { HostFacts } from "./host.ts";
import { Instant, MachineId, Name, Sha256 } from "./names.ts";

/** The public half of a machine's own key: Ed25519 as a JWK (RFC 8037). */
export const MachineKey = z.strictObject({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type MachineKey = z.infer<typeof MachineKey>;

/**
 * What a person copies to a host to enrol it: a secret, and the SHA-256 of the service's first root, so that whoever
 * answers under the service's address must also hold its keys. Text form: `suture-enrol.SECRET.SHA256`.
 */
export const EnrolmentToken = z
  .string()
  .regex(/^suture-enrol\.[A-Za-z0-9_-]{43}\.[0-9a-f]{64}$/, "an enrolment token looks like suture-enrol.SECRET.SHA256");

/** The payload of the JWS that a new machine sends, signed by the key it brings: proof that it holds it. */
export const EnrolRequest = z.strictObject({
  token: EnrolmentToken,
  iat: z.number().int(),
  facts: HostFacts,
  /** goes away when its work is done, and retires itself */
  ephemeral: z.literal(true).optional(),
});
export type EnrolRequest = z.infer<typeof EnrolRequest>;

export const EnrolAnswer = z.object({
  machine: MachineId,
  customer: Name,
  group: Name,
  serviceRoot: Sha256,
  /** also where its token says so */
  ephemeral: z.boolean().optional(),
});
export type EnrolAnswer = z.infer<typeof EnrolAnswer>;

/** The payload of the JWS by which a machine leaves the fleet; it may come back with its next check-in. */
export const RetireRequest = z.strictObject({ machine: MachineId, iat: z.number().int() });
export type RetireRequest = z.infer<typeof RetireRequest>;
export const RetireAnswer = z.object({ machine: MachineId, retiredAt: Instant });
export type RetireAnswer = z.infer<typeof RetireAnswer>;

/** The service root's SHA-256 that an enrolment token pins. */
export function pinnedRoot(token: string): string {
  return EnrolmentToken.parse(token).split(".")[2] ?? "";
}
