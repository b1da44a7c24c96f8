import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { verifyPlan } from "../../protocol/trust/plan.ts";
import { signStatement } from "../../protocol/trust/request.ts";
import type { CheckInAnswer, CheckInRequest } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { type Plan, PlanKeys, planKeysPath } from "../../protocol/wire/plan.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { heldPatches, reportedOf } from "../facts/gather.ts";
import { required } from "../state/json-file.ts";
import { longestAhead, raisedFloor, timeOf } from "../state/session.ts";
import { openTrust, type Trust } from "../trust/trust.ts";

/** A verified plan, what came with it, and the trust that it was verified with. */
export type CheckedIn = {
  plan: Pick<Plan, "seq" | "actions">;
  answer: Pick<CheckInAnswer, "downloads">;
  trust: Trust;
};

/**
 * Tells the service what this host is and verifies the plan that comes back. The session keeps the plan's times but not yet its
 * ticket: a plan that was not carried out must be asked for again.
 * @throws SutureError `plan-invalid`, `wrong-machine`, what trust throws, or what the service answered
 */
export async function checkIn(
  agent: Agent,
  facts: HostFacts,
): Promise<CheckedIn & { plan: Plan; answer: CheckInAnswer }> {
  const { session, repositories, enrolment, clock } = agent;
  const held = heldPatches(agent.patches);
  const said = { machine: enrolment.machine, facts, patches: held, metadata: repositories.versions() };
  const { answer, counter, time } = await send(agent, said);

  const before = required(session, "session.json");
  const ownTime = timeOf(before, secondsOf(clock));
  const now = Math.max(ownTime, time);
  const trust = openTrust(agent, answer.metadata, new Date(now * 1000));
  const expected = { machine: enrolment.machine, seq: counter, now };
  const keys = await readPlanKeys(trust);
  const plan = await refusing(agent, () => verifyPlan(answer.plan, keys, expected));

  const { seq, exp, checkInBy, actions, agentUrl } = plan;
  const holds = actions.flatMap((action) =>
    action.do === "hold" ? [{ patch: action.patch, because: action.because, since: action.since }] : [],
  );
  const floor = raisedFloor(before, plan.iat, secondsOf(clock));
  const verifiedAt = Math.max(secondsOf(clock), floor);
  session.write({
    ...required(session, "session.json"),
    floor,
    hasBoundedFloor: true,
    // Not the time that the service told: nobody signs it, and one ahead would put off the day on which this agent is stale
    verifiedAt,
    ticket: null,
    plan: { seq, exp, checkInBy: Math.min(checkInBy, verifiedAt + longestAhead), holds },
    reported: reportedOf(facts, held),
    // Each plan is a new chance for an address that failed
    agentApi: agentUrl === undefined ? null : { url: agentUrl, failures: 0 },
  });
  agent.keptPlan.write({ plan: answer.plan, downloads: answer.downloads });
  return { plan, answer, trust };
}

/** Notes a plan that `work` refuses. Throws what `work` does. */
export async function refusing<T>({ refusals }: Pick<Agent, "refusals">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    refusals.note({ of: "plan", name: "" }, error);
    throw error;
  }
}

/**
 * The keys that plans may be signed with today.
 * @throws SutureError `untrusted-metadata`, or what trust throws
 */
export async function readPlanKeys(trust: Trust): Promise<PlanKeys> {
  const keys = await (await trust.service()).read(planKeysPath);
  if (keys === undefined)
    throw new SutureError("untrusted-metadata", `The service's metadata names no ${planKeysPath}`);
  return parseJson(PlanKeys, keys, planKeysPath, "untrusted-metadata");
}

type Said = Omit<CheckInRequest, "counter" | "iat">;
type Answered = { answer: CheckInAnswer; counter: number; time: number };

/** Sends a check-in; where the service knows a higher counter or another time, once more with that. */
async function send(agent: Agent, said: Said): Promise<Answered> {
  const next = required(agent.session, "session.json").counter + 1;
  const now = secondsOf(agent.clock);
  try {
    return await sendAs(agent, said, next, now);
  } catch (error) {
    if (isSutureError(error, "counter-behind")) {
      const expected = wholeNumber(error, "expected");
      // Who could set it back could have the plan of an earlier check-in fit again
      if (expected <= next) {
        agent.refusals.note({ of: "plan", name: "" }, error);
        throw error;
      }
      return await sendAs(agent, said, expected, now);
    }
    // The server's time is good for this one request; expiries are checked by our own clock and floor too
    if (isSutureError(error, "clock-skew")) return await sendAs(agent, said, next, wholeNumber(error, "serverTime"));
    throw error;
  }
}

async function sendAs(agent: Agent, said: Said, counter: number, time: number): Promise<Answered> {
  // On the disk before it is sent: a counter that the service has seen is never used for something else
  agent.session.write({ ...required(agent.session, "session.json"), counter });
  const jws = await signStatement("suture-check-in", { ...said, counter, iat: time }, agent.keys);
  try {
    return { answer: await agent.service.checkIn(jws), counter, time };
  } catch (error) {
    if (!isSutureError(error, "unreachable")) throw error;
    // Perhaps only the answer was lost; the same bytes again get the same answer
    return { answer: await agent.service.checkIn(jws), counter, time };
  }
}

function wholeNumber(error: SutureError, member: string): number {
  const value = error.data[member];
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new SutureError("plan-invalid", `The service answered ${error.code} without ${member}`, { cause: error });
}
