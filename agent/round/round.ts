import { describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { ownFacts } from "../facts/gather.ts";
import { type ActionResult, act } from "../patches/act.ts";
import { required } from "../state/json-file.ts";
import { isDirected, timeOf } from "../state/session.ts";
import { learnRecalls } from "../trust/learn-recalls.ts";
import { stageRelease } from "../update/stage.ts";
import { checkIn } from "./check-in.ts";
import { whyCheckIn } from "./due.ts";
import { report } from "./report.ts";
import { isAway } from "./service.ts";
import { actWithoutService } from "./without-service.ts";

/** What a round came to. `pollSeconds` is what the service directs; undefined where it said nothing. */
export type Round =
  | { kind: "nothing-new"; pollSeconds: number | undefined }
  | {
      kind: "plan";
      seq: number;
      results: ActionResult[];
      pollSeconds: number;
      checkInBy: number;
      /** a release of the agent that is to be tried now */
      staged: string | undefined;
    };

/**
 * One exchange with the service; where it cannot answer, what a plan gave already is carried out, and what is public still tells of recalls.
 * @param force check in whatever a poll would say
 * @throws SutureError what the network, the service or trust throws; what was done is kept
 */
export async function runRound(agent: Agent, options: { force: boolean }): Promise<Round> {
  try {
    const round = await exchange(agent, options);
    countFailures(agent, (failures) => (isDirected(failures) ? 0 : failures));
    noteBack(agent);
    agent.updates?.proven();
    return round;
  } catch (error) {
    countFailures(agent, (failures) => failures + 1);
    noteFailed(agent, error);
    if (!isAway(error)) agent.updates?.fault();
    else {
      agent.updates?.excuse();
      await actWithoutService(agent);
    }
    throw error;
  }
}

/** Receipts that wait, then a poll or, where there is a reason, a check-in whose plan is carried out. */
async function exchange(agent: Agent, { force }: { force: boolean }): Promise<Round> {
  agent.refusals.begin();
  const facts = await ownFacts(agent);
  await handIn(agent);
  const session = required(agent.session, "session.json");
  const now = timeOf(session, secondsOf(agent.clock));
  let why = force ? "asked to" : whyCheckIn(session, facts, agent.patches, now);
  if (why === undefined) {
    const poll = await agent.service.poll(session.ticket ?? "");
    if (!poll.checkIn) return { kind: "nothing-new", pollSeconds: poll.nextPollSeconds };
    why = "the service has news";
  }

  const checkedIn = await checkIn(agent, facts);
  const { plan, answer } = checkedIn;
  const count = (kind: string) => plan.actions.filter((action) => action.do === kind).length;
  agent.emit({ event: "plan", seq: plan.seq, apply: count("apply"), undo: count("undo"), hold: count("hold"), why });
  const results = await act(agent, checkedIn, facts);
  agent.keptPlan.remove();
  await learnRecalls(agent, checkedIn.trust);
  // Only now: with the ticket a poll may say "nothing new", which holds for a plan that was carried out
  agent.session.write({ ...required(agent.session, "session.json"), ticket: answer.ticket });
  await handIn(agent);
  const { seq, pollSeconds, checkInBy, agentRelease } = plan;
  const staged = agentRelease && (await stageRelease(agent, agentRelease, checkedIn.trust, facts.arch));
  agent.refusals.settle();
  return { kind: "plan", seq, results, pollSeconds, checkInBy, staged };
}

/** A receipt that the service will not take waits, and keeps the machine from nothing else. */
async function handIn(agent: Agent): Promise<void> {
  try {
    await report(agent);
  } catch (error) {
    if (!(error instanceof SutureError) || error.code === "unreachable") throw error;
    agent.emit({
      event: "trouble",
      code: error.code,
      detail: `Receipts wait: ${describeError(error)}`,
      retryInSeconds: 0,
    });
  }
}

/** Whoever asked for a round reads here what came of it. */
function noteFailed(agent: Agent, error: unknown): void {
  const session = required(agent.session, "session.json");
  const code = error instanceof SutureError ? error.code : "internal";
  const failed = { code, detail: describeError(error), times: (session.failed?.times ?? 0) + 1 };
  const awaySince = isAway(error) ? (session.awaySince ?? secondsOf(agent.clock)) : session.awaySince;
  try {
    agent.session.write({ ...session, failed, awaySince });
  } catch (full) {
    // The round's own error counts
    if (!isSutureError(full, "no-space")) throw full;
  }
}

function noteBack(agent: Agent): void {
  const session = required(agent.session, "session.json");
  if (session.awaySince !== null || session.failed !== null)
    agent.session.write({ ...session, awaySince: null, failed: null });
}

/** The address that a plan gave for the agents' API is left, for the service's own name, when rounds there keep failing. */
function countFailures(agent: Agent, count: (failures: number) => number): void {
  const session = required(agent.session, "session.json");
  if (session.agentApi === null) return;
  const failures = count(session.agentApi.failures);
  if (failures !== session.agentApi.failures) {
    agent.session.write({ ...session, agentApi: { ...session.agentApi, failures } });
  }
}
