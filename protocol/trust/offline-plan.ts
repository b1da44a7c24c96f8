import { CompactSign, type CryptoKey, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { SutureError } from "../errors.ts";
import { longestOfflinePlan, OfflinePlan } from "../wire/offline.ts";
import { parseJson } from "../wire/parse.ts";
import type { PlanKeys } from "../wire/plan.ts";

const type = "suture-offline-plan";
/** Clocks differ a little. */
const toleranceSeconds = 300;

/** Signs an offline plan as a compact JWS with an Ed25519 key of its own kind. */
export async function signOfflinePlan(plan: OfflinePlan, key: { kid: string; privateKey: CryptoKey }): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(plan)))
    .setProtectedHeader({ alg: "EdDSA", typ: type, kid: key.kid })
    .sign(key.privateKey);
}

/** What an offline plan must be for: this customer's group, this time, and none from before the last one that was taken. Seconds. */
export type OfflineExpectation = { customer: string; group: string; now: number; notBefore: number };

/**
 * Verifies an offline plan against the keys of the service's repository, its addressee and the time. The same plan may be taken again;
 * an older one than was taken may not, so that nobody brings back what a later one left out.
 * @throws SutureError `plan-invalid`, `wrong-machine`
 */
export async function verifyOfflinePlan(
  jws: string,
  keys: PlanKeys,
  expected: OfflineExpectation,
): Promise<OfflinePlan> {
  const { key, text } = await verifySignature(jws, keys);
  const plan = parseJson(OfflinePlan, text, "offline plan", "plan-invalid");
  const { customer, group, now, notBefore } = expected;
  if (plan.customer !== customer || plan.group !== group)
    throw new SutureError("wrong-machine", `The plan is for group ${plan.group} of ${plan.customer}`);
  const wrong =
    plan.iat < key.nbf - toleranceSeconds || plan.iat >= key.exp
      ? "its key was not valid when it was made"
      : plan.exp - plan.iat > longestOfflinePlan
        ? "it would be valid for more than 90 days"
        : plan.exp <= now
          ? "it has expired"
          : plan.iat > now + toleranceSeconds
            ? "it is from the future"
            : plan.iat < notBefore
              ? "a later one was taken before"
              : undefined;
  if (wrong !== undefined) throw new SutureError("plan-invalid", `The offline plan is refused: ${wrong}`);
  return plan;
}

async function verifySignature(jws: string, { keys }: PlanKeys) {
  try {
    const header = decodeProtectedHeader(jws);
    if (header.typ !== type) throw new Error("not an offline plan");
    const key = keys.find((candidate) => candidate.kid === header.kid);
    if (key === undefined) throw new Error(`no offline plan key ${String(header.kid)}`);
    const { payload } = await compactVerify(jws, await importJWK(key, "EdDSA"), { algorithms: ["EdDSA"] });
    return { key, text: new TextDecoder().decode(payload) };
  } catch (cause) {
    throw new SutureError("plan-invalid", "The offline plan's signature does not verify", { cause });
  }
}
