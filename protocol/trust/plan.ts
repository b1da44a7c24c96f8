import { CompactSign, type CryptoKey, compactVerify, decodeProtectedHeader, importJWK } from "jose";
import { SutureError } from "../errors.ts";
import { parseJson } from "../wire/parse.ts";
import { Plan, type PlanKeys } from "../wire/plan.ts";

const type = "suture-plan";
/** How far ahead of this clock a plan may have been made: clocks differ a little. */
const toleranceSeconds = 300;

/** Signs a plan as a compact JWS with an Ed25519 plan key. */
export async function signPlan(plan: Plan, key: { kid: string; privateKey: CryptoKey }): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(plan)))
    .setProtectedHeader({ alg: "EdDSA", typ: type, kid: key.kid })
    .sign(key.privateKey);
}

/** What a plan must answer: this machine, this check-in, this time (seconds since the epoch). */
export type PlanExpectation = { machine: string; seq: number; now: number };

/**
 * Verifies a plan against the plan keys of the service's repository, its addressee, the check-in that it answers and the time.
 * @throws SutureError `plan-invalid` or `wrong-machine`
 */
export async function verifyPlan(jws: string, keys: PlanKeys, expected: PlanExpectation): Promise<Plan> {
  const plan = parseJson(
    Plan,
    new TextDecoder().decode(await verifySignature(jws, keys, expected.now)),
    "plan",
    "plan-invalid",
  );
  if (plan.machine !== expected.machine) throw new SutureError("wrong-machine", `The plan is for ${plan.machine}`);
  if (plan.seq !== expected.seq) {
    throw new SutureError("plan-invalid", `The plan answers check-in ${plan.seq}, not ${expected.seq}`);
  }
  if (plan.exp <= expected.now) throw new SutureError("plan-invalid", "The plan has expired");
  if (plan.iat > expected.now + toleranceSeconds) throw new SutureError("plan-invalid", "The plan is from the future");
  return plan;
}

async function verifySignature(jws: string, keys: PlanKeys, now: number): Promise<Uint8Array> {
  try {
    const header = decodeProtectedHeader(jws);
    if (header.typ !== type) throw new Error("not a plan");
    const key = keys.keys.find((candidate) => candidate.kid === header.kid);
    if (key === undefined) throw new Error(`no plan key ${String(header.kid)}`);
    if (now < key.nbf - toleranceSeconds || now >= key.exp) throw new Error(`plan key ${key.kid} is not valid now`);
    const { payload } = await compactVerify(jws, await importJWK(key, "EdDSA"), { algorithms: ["EdDSA"] });
    return payload;
  } catch (cause) {
    throw new SutureError("plan-invalid", "The plan's signature does not verify", { cause });
  }
}
