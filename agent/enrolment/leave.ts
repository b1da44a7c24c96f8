import { describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import { signStatement } from "../../protocol/trust/request.ts";
import type { RetireRequest } from "../../protocol/wire/enrol.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { report } from "../round/report.ts";

/**
 * Says to the service that this machine is gone, after it has handed in what waits. What is applied stays. A machine that the service
 * does not know is gone already.
 * @throws SutureError what the network or the service answered
 */
export async function leaveFleet(agent: Agent): Promise<void> {
  const said: RetireRequest = { machine: agent.enrolment.machine, iat: secondsOf(agent.clock) };
  try {
    await report(agent);
    await agent.service.retire(await signStatement("suture-retire", said, agent.keys));
  } catch (error) {
    if (!isSutureError(error, "unauthorized")) throw error;
  }
  agent.emit({ event: "retired" });
}

/** Likewise, where the host goes on its way whatever becomes of it: silence will say the same. */
export async function leaveIfCan(agent: Agent): Promise<void> {
  try {
    await leaveFleet(agent);
  } catch (error) {
    const code = error instanceof SutureError ? error.code : "internal";
    agent.emit({ event: "trouble", code, detail: `Not retired: ${describeError(error)}`, retryInSeconds: 0 });
  }
}
