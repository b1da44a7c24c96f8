import { createHash } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { type EnrolAnswer, EnrolRequest, pinnedRoot } from "../../protocol/wire/enrol.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { EnrolmentsStore } from "../stores/enrolments.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { refuseSkew } from "./clock.ts";
import type { AgentGate } from "./limits.ts";

/**
 * Lets a host in: the statement is signed by the key that it brings, and the token has a use left. The same key again gets the
 * same answer and takes no second use, so that a host whose answer was lost is not locked out.
 * @param now milliseconds since the epoch
 * A machine that an operator retired takes a use like a new one.
 * @throws SutureError `bad-signature`, `clock-skew`, `unauthorized`, `token-expired`, `token-used-up`, `retired`, `rate-limited`
 */
export async function enrol(
  jws: string,
  {
    machines,
    enrolments,
    audit,
    gate,
    now,
  }: {
    gate: AgentGate;
    machines: MachinesStore;
    enrolments: EnrolmentsStore;
    audit: Pick<AuditStore, "append">;
    now: number;
  },
): Promise<EnrolAnswer> {
  const { machine, key, payload } = await verifyStatement("suture-enrol", jws, EnrolRequest);
  const { token, iat, facts } = payload;
  gate.machine(machine);
  refuseSkew(iat, now);
  const serviceRoot = pinnedRoot(token);
  const known = await machines.enrolled(machine);
  if (known !== undefined && known.retiredBy !== "operator") {
    const { customer, group, ephemeral } = known;
    return { machine, customer, group, serviceRoot, ...(ephemeral !== undefined && { ephemeral }) };
  }

  // Who comes back after an operator's word takes another use than the first time
  const user = `${machine} ${known?.retiredAt ?? 0}`;
  const { hash, customer, group, tags = [], ephemeral: isOfToken } = await enrolments.use(tokenHash(token), user, now);
  const ephemeral = payload.ephemeral || isOfToken ? { ephemeral: true } : {};
  gate.tenant(customer);
  const after = JSON.stringify({ machine, hostname: facts.hostname, group, tags, ...ephemeral });
  const who = `somebody with the enrolment token ${hash}`;
  await audit.append({ log: `customer/${customer}`, at: now, who, what: "POST /v1/agent/enrol", after });
  const answer = { machine, customer, group, serviceRoot, ...ephemeral };
  if (known !== undefined) {
    if (await machines.readmit({ machine, customer, group, tags, enrolledAt: now })) return answer;
    throw new SutureError("retired", "Its key was another customer's machine: let the host make a new one");
  }
  try {
    await machines.enrol({ machine, customer, group, tags, publicKey: key, enrolledAt: now, facts, ...ephemeral });
  } catch (error) {
    // Two requests of one host at the same time: both are right
    if (!(error instanceof SutureError && error.code === "already-exists")) throw error;
  }
  return answer;
}

function tokenHash(token: string): string {
  return createHash("sha256")
    .update(token.split(".")[1] ?? "")
    .digest("hex");
}
