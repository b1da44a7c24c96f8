import { describeError, SutureError } from "../../protocol/errors.ts";
import { verifyPlan } from "../../protocol/trust/plan.ts";
import type { Plan } from "../../protocol/wire/plan.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { ownFacts } from "../facts/gather.ts";
import { act } from "../patches/act.ts";
import { required } from "../state/json-file.ts";
import type { KeptPlan } from "../state/kept-plan.ts";
import { timeOf } from "../state/session.ts";
import { learnRecalls } from "../trust/learn-recalls.ts";
import { isTaken, openTrust, type Trust } from "../trust/trust.ts";
import { readPlanKeys } from "./check-in.ts";
import { isAway } from "./service.ts";

/**
 * What an agent does while the service cannot answer: it carries out what its last plan gave it already, while that is valid, and
 * reads the recalls. For both the public files are enough; without them it keeps what is applied, and waits.
 */
export async function actWithoutService(agent: Agent): Promise<void> {
  const now = timeOf(required(agent.session, "session.json"), secondsOf(agent.clock));
  const trust = openTrust(agent, {}, new Date(now * 1000));
  await judgeMirror(agent, trust, now);
  const kept = agent.keptPlan.read();
  if (kept !== undefined) await carryOutKept(agent, kept, trust, now);
  await learnRecalls(agent, trust);
}

/** Notes how the mirror stands that is read in the service's stead, and says so when that changes. */
async function judgeMirror(agent: Agent, trust: Trust, now: number): Promise<void> {
  const trouble = await mirrorTrouble(agent, trust);
  const session = required(agent.session, "session.json");
  if (!agent.service.usesMirror() || trouble?.code === session.mirrorTrouble?.code) return;
  agent.session.write({ ...session, mirrorTrouble: trouble === undefined ? null : { ...trouble, since: now } });
  if (trouble !== undefined) agent.emit({ event: "trouble", ...trouble, retryInSeconds: 0 });
}

async function mirrorTrouble({ repositories, vendorPins }: Agent, trust: Trust) {
  try {
    const names = Object.keys(repositories.versions());
    for (const name of names.filter((each) => each === "service" || isTaken(each, vendorPins)))
      await (name === "service" ? trust.service() : trust.vendor(name, []));
    return undefined;
  } catch (error) {
    if (!(error instanceof SutureError)) throw error;
    return { code: error.code, detail: describeError(error) };
  }
}

async function carryOutKept(agent: Agent, kept: KeptPlan, trust: Trust, now: number): Promise<void> {
  try {
    const seq = required(agent.session, "session.json").plan?.seq ?? 0;
    const { machine } = agent.enrolment;
    const plan = await verifyPlan(kept.plan, await readPlanKeys(trust), { machine, seq, now });
    const left = actionsLeft(agent, plan);
    if (left.length > 0) {
      const count = (kind: string) => left.filter((action) => action.do === kind).length;
      const why = "the service does not answer, and its last plan holds";
      agent.emit({ event: "plan", seq, apply: count("apply"), undo: count("undo"), hold: count("hold"), why });
      const facts = await ownFacts(agent);
      await act(agent, { plan: { ...plan, actions: left }, answer: kept, trust }, facts);
    }
    agent.keptPlan.remove();
  } catch (error) {
    if (isAway(error)) return;
    if (!(error instanceof SutureError)) throw error;
    const detail = `The last plan is not carried out: ${describeError(error)}`;
    agent.emit({ event: "trouble", code: error.code, detail, retryInSeconds: 0 });
    if (error.code === "plan-invalid") agent.keptPlan.remove();
  }
}

/** What the plan ordered and nothing became of yet: what failed is the service's to order again. */
function actionsLeft(agent: Agent, { actions, seq }: Plan): Plan["actions"] {
  return actions.filter((action) => action.do === "undo" || agent.patches.get(action.patch)?.planSeq !== seq);
}
