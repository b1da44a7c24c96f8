import { describeError, SutureError } from "../../protocol/errors.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { isUneasy, noteRunning } from "../incidents/notice.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { isWatching } from "../patches/watch.ts";
import { required } from "../state/json-file.ts";
import { isStale, pollDelay, retryDelay, untilCheckIn } from "./due.ts";
import { runRound } from "./round.ts";

/** How often the host is looked at between polls, for processes that started since; milliseconds. */
export const settleEvery = 30_000;
const watchEvery = 1_000;
/** Before the service has said anything. */
export const defaultPollSeconds = 900;

export type LoopOptions = {
  /** instead of the service's interval and the agent's bounds: for demonstrations and tests */
  pollEvery?: number;
  signal: AbortSignal;
  /** a signal that ends the sleep, renewed for each turn: an administrator asks for something, or a process came or went */
  wake: () => AbortSignal;
  /** whether somebody asked since the last turn for a check-in now */
  asked?: () => boolean;
  /** called before each sleep that is not a short one */
  rest?: () => void;
  /** called after each turn: without it for long, somebody should start this process anew */
  alive?: () => void;
};

/**
 * Runs until the signal: rounds with the service, and the host kept in line between them. No trouble ends it.
 * @returns a release of the agent that is to be tried now; undefined after the signal, or where this release is to give way
 */
export async function runLoop(
  agent: Agent,
  { pollEvery, signal, wake, rest, alive, asked = () => false }: LoopOptions,
): Promise<string | undefined> {
  const { clock, random, emit } = agent;
  const { machine, server } = agent.enrolment;
  emit({ event: "started", machine, server, pollSeconds: pollEvery ?? null });
  let recovered = false;
  let failures = 0;
  let interval = pollEvery ?? defaultPollSeconds;
  let [lastRound, nextRound] = [0, 0];
  let wasStale = false;
  let staged: string | undefined;

  const turn = async () => {
    if (!recovered) await recover(agent);
    if (!recovered) noteRunning(agent, true);
    recovered = true;
    const waiting = agent.outbox.waiting().length;
    await settle(agent);
    const now = clock.now();
    // A clock that was set back must not put the round off, and what was done without a plan is told at once
    const isAsked = asked();
    if (!isAsked && now < nextRound && now >= lastRound && agent.outbox.waiting().length <= waiting) return;
    lastRound = now;
    const round = await runRound(agent, { force: isAsked });
    failures = 0;
    interval = pollEvery ?? round.pollSeconds ?? interval;
    const delay = pollEvery ?? untilNext(agent, interval, random());
    if (round.kind === "plan") staged = round.staged;
    if (round.kind === "nothing-new") emit({ event: "nothing-new", nextPollSeconds: Math.round(delay) });
    nextRound = clock.now() + delay * 1000;
  };

  // A patch is watched to its window's end first
  const isToChange = () => staged !== undefined && !isWatching(agent);
  while (!signal.aborted && !isToChange() && agent.updates?.isGivenUp() !== true) {
    // asked for first: what wakes the agent during a turn must not be lost
    const woken = wake();
    try {
      await turn();
    } catch (error) {
      failures++;
      // Cut off in the middle of a step, by a full disk: as after a kill, that is ended before anything else
      if (agent.journal.read() !== undefined) recovered = false;
      const code = error instanceof SutureError ? error.code : "internal";
      const delay = retryDelay(failures, interval, random(), retryAfterOf(error));
      emit({ event: "trouble", code, detail: describeError(error), retryInSeconds: Math.round(delay) });
      nextRound = clock.now() + delay * 1000;
    }
    wasStale = tellStale(agent, wasStale);
    if (isToChange()) continue;
    const pause = recovered && (isWatching(agent) || isUneasy(agent)) ? watchEvery : settleEvery;
    if (pause === settleEvery) rest?.();
    alive?.();
    await clock.sleep(Math.max(0, Math.min(nextRound - clock.now(), pause)), AbortSignal.any([signal, woken]));
  }
  noteRunning(agent, false, signal.aborted && (await agent.units.isHostStopping()));
  if (signal.aborted) emit({ event: "stopped" });
  return staged;
}

/** The seconds that a refusal asks to wait; 0 where it asks for none. */
export function retryAfterOf(error: unknown): number {
  const seconds = error instanceof SutureError ? error.data.retryAfter : undefined;
  return typeof seconds === "number" ? seconds : 0;
}

/** A plan may want a check-in before the interval is over: then, and not a little before, when it would be a poll that says nothing. */
function untilNext({ session, clock }: Agent, interval: number, random: number): number {
  const delay = pollDelay(interval, random);
  const plan = session.read()?.plan;
  return plan ? Math.min(delay, untilCheckIn(plan.checkInBy - secondsOf(clock), random)) : delay;
}

function tellStale(agent: Agent, wasStale: boolean): boolean {
  const session = required(agent.session, "session.json");
  const stale = isStale(session, secondsOf(agent.clock));
  if (stale && !wasStale) agent.emit({ event: "stale", verifiedAt: new Date(session.verifiedAt * 1000).toISOString() });
  return stale;
}
