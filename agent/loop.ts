import { describeError, SutureError } from "../protocol/errors.ts";
import { type Agent, secondsOf } from "./agent.ts";
import { isStale, pollDelay, retryDelay } from "./due.ts";
import { recover } from "./recover.ts";
import { type Round, runRound } from "./round.ts";
import { isWatching, settle } from "./settle.ts";
import { required } from "./state/json-file.ts";

/** How often the host is looked at between polls, for processes that started since; milliseconds. */
const settleEvery = 30_000;
const watchEvery = 1_000;
const defaultPollSeconds = 900;

export type LoopOptions = {
  /** instead of the service's interval and the agent's bounds: for demonstrations and tests */
  pollEvery?: number;
  signal: AbortSignal;
  /** a signal that ends the sleep, renewed for each: an administrator asks for something */
  wake: () => AbortSignal;
};

/** Runs until the signal: rounds with the service, and the host kept in line between them. No trouble ends it. */
export async function runLoop(agent: Agent, { pollEvery, signal, wake }: LoopOptions): Promise<void> {
  const { clock, random, emit } = agent;
  const { machine, server } = agent.enrolment;
  emit({ event: "started", machine, server, pollSeconds: pollEvery ?? null });
  await recover(agent);
  let failures = 0;
  let interval = pollEvery ?? defaultPollSeconds;
  let nextRound = 0;
  let wasStale = false;
  while (!signal.aborted) {
    await settle(agent);
    if (clock.now() >= nextRound) {
      try {
        const round = await runRound(agent, { force: false });
        failures = 0;
        interval = pollEvery ?? round.pollSeconds ?? interval;
        const delay = pollEvery ?? untilNext(round, interval, random(), secondsOf(clock));
        if (round.kind === "nothing-new") emit({ event: "nothing-new", nextPollSeconds: Math.round(delay) });
        nextRound = clock.now() + delay * 1000;
      } catch (error) {
        failures++;
        const known =
          error instanceof SutureError ? error : new SutureError("internal", describeError(error), { cause: error });
        const retryAfter = known.data.retryAfter;
        const delay = retryDelay(failures, interval, random(), typeof retryAfter === "number" ? retryAfter : 0);
        emit({ event: "trouble", code: known.code, detail: describeError(known), retryInSeconds: Math.round(delay) });
        nextRound = clock.now() + delay * 1000;
      }
      wasStale = tellStale(agent, wasStale);
    }
    const turn = isWatching(agent) ? watchEvery : settleEvery;
    await clock.sleep(Math.max(0, Math.min(nextRound - clock.now(), turn)), AbortSignal.any([signal, wake()]));
  }
  emit({ event: "stopped" });
}

/** A plan may want a check-in before the interval is over, but no sooner than the shortest interval. */
function untilNext(round: Round, interval: number, random: number, now: number): number {
  const delay = pollDelay(interval, random);
  return round.kind === "plan" ? Math.min(delay, pollDelay(round.checkInBy - now, random)) : delay;
}

function tellStale(agent: Agent, wasStale: boolean): boolean {
  const session = required(agent.session, "session.json");
  const stale = isStale(session, secondsOf(agent.clock));
  if (stale && !wasStale) agent.emit({ event: "stale", verifiedAt: new Date(session.verifiedAt * 1000).toISOString() });
  return stale;
}
