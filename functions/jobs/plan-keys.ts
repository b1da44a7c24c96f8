import { exportJWK, generateKeyPair } from "jose";
import { z } from "zod";
import type { PlanKeys } from "../../protocol/wire/plan.ts";
import { planSeconds } from "../domain/check-in-by.ts";
import { planKeyDue, planKeyNow, publishedKeys } from "../domain/plan-keys.ts";

/** A plan key with its private half, as a JWK (RFC 8037) that is valid from `nbf` until `exp`, in seconds since the epoch. */
export const StoredPlanKey = z.object({
  kid: z.string(),
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
  nbf: z.number(),
  exp: z.number(),
});
export type StoredPlanKey = z.infer<typeof StoredPlanKey>;

/** A new plan key if one is due. @param now seconds since the epoch */
export async function duePlanKey(keys: readonly StoredPlanKey[], now: number): Promise<StoredPlanKey | undefined> {
  const due = planKeyDue([...keys], now);
  return due && (await newPlanKey(due));
}

/** A plan key that takes the place of all others at once. @param now seconds since the epoch */
export async function urgentPlanKey(now: number): Promise<StoredPlanKey> {
  return await newPlanKey(planKeyNow(now));
}

async function newPlanKey(due: { nbf: number; exp: number }): Promise<StoredPlanKey> {
  const pair = await generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true });
  return StoredPlanKey.parse({ ...(await exportJWK(pair.privateKey)), kid: `plan-${due.nbf}`, ...due });
}

/**
 * The keys without which an agent could not verify a plan that is still valid.
 * @param now seconds since the epoch
 * @param longest how long a plan may be valid, in seconds
 */
export function knownPlanKeys(keys: readonly StoredPlanKey[], now: number, longest = planSeconds): StoredPlanKey[] {
  return publishedKeys(keys, now, longest);
}

/** What agents are told of plan keys: their public halves. */
export function publicPlanKeys(keys: readonly StoredPlanKey[]): PlanKeys {
  return { keys: keys.map(({ d: _secret, ...publicHalf }) => publicHalf) };
}
