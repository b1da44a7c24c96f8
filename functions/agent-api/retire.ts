import { SutureError } from "../../protocol/errors.ts";
import { verifyStatement } from "../../protocol/trust/request.ts";
import { type RetireAnswer, RetireRequest } from "../../protocol/wire/enrol.ts";
import { freeSeats, type SeatKeepers } from "../seats.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { MachinesStore } from "../stores/machines.ts";
import { refuseSkew } from "./clock.ts";
import type { AgentGate } from "./limits.ts";

/**
 * Lets a machine leave the fleet by its own word; its seats are free at once. Saying it twice changes nothing.
 * @param now milliseconds since the epoch
 * @throws SutureError `bad-signature`, `clock-skew`, `unauthorized`
 */
export async function retire(
  jws: string,
  {
    machines,
    audit,
    gate,
    now,
    ...stores
  }: SeatKeepers & { gate: AgentGate; machines: MachinesStore; audit: Pick<AuditStore, "append">; now: number },
): Promise<RetireAnswer> {
  const { machine, payload: said } = await verifyStatement("suture-retire", jws, RetireRequest);
  if (machine !== said.machine) throw new SutureError("bad-signature", "The statement is another machine's");
  gate.machine(machine);
  refuseSkew(said.iat, now);
  const known = await machines.enrolled(machine);
  if (known === undefined) throw new SutureError("unauthorized", "The machine is not enrolled here");
  // What an operator retired stays retired by the operator
  if (known.retiredAt === undefined) {
    await machines.retire({ machine, customer: known.customer, at: now, by: "itself" });
    await freeSeats(known, stores, now);
    const [log, after] = [`customer/${known.customer}`, JSON.stringify({ machine })];
    await audit.append({ log, at: now, who: `the machine ${machine}`, what: "POST /v1/agent/retire", after });
  }
  return { machine, retiredAt: new Date(known.retiredAt ?? now).toISOString() };
}
