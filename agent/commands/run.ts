import { watch } from "node:fs";
import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Agent } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { enrolFromImage } from "../enrolment/join.ts";
import { leaveIfCan } from "../enrolment/leave.ts";
import { openAgent, withHostWatched, withLock } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { retryDelay } from "../round/due.ts";
import { defaultPollSeconds, retryAfterOf, runLoop, settleEvery } from "../round/loop.ts";
import { takeAsk } from "../state/ask.ts";
import { systemClock } from "../system/clock.ts";
import { memoryGiver } from "../system/memory.ts";
import { serviceManager } from "../system/service-manager.ts";
import { changeTo, goOnAs, isOnTrial, standTrial } from "../update/change.ts";
import { openUpdates } from "../update/updates.ts";
import { eventLog, isJournal } from "./event-log.ts";
import { printEvent } from "./events.ts";
import { printResult } from "./output.ts";

/** For a step that is under way when the agent is asked to stop, in milliseconds. */
const longestStop = 20_000;

/**
 * `suture-agent run`: stays, until SIGTERM or SIGINT, or `until`. A step that is under way is finished first, within 20 seconds; then the
 * process ends all the same.
 */
export async function run({
  config,
  pollEvery,
  json,
  until,
}: {
  config: Config;
  pollEvery?: number;
  json: boolean;
  until?: AbortSignal;
}): Promise<void> {
  const { state } = config;
  const off = whyOff(state);
  if (off !== undefined) {
    process.stderr.write(`Switched off: ${off}.\n`);
    return;
  }
  const log = eventLog((line) => process.stdout.write(line), { isJournal: isJournal(process.env), now: Date.now });
  const emit: Agent["emit"] = json ? (event) => printEvent(event, true) : log;
  let woken = new AbortController();
  const wake = () => woken.abort();
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      stop.abort();
      // whatever keeps a step from its end: the journal lets the next start finish or revert it, as after a crash
      setTimeout(() => process.exit(1), longestStop).unref();
    });
  }
  until?.addEventListener("abort", () => stop.abort(), { once: true });
  if (isOnTrial()) {
    printResult(await standTrial(config, emit), json);
    return;
  }
  const updates = openUpdates(config);
  const manager = await serviceManager(process.env);
  const stay = () =>
    withLock(state, async () => {
      manager.ready();
      await untilEnrolled(config, stop.signal, emit, manager.alive);
      if (stop.signal.aborted) return undefined;
      return await withHostWatched(state, wake, async (processes) => {
        const agent = await openAgent(config, emit, { processes, updates });
        const watcher = watch(agent.patches.holdsDirectory, wake);
        // Without it a hold is seen at the next turn, half a minute later at most
        watcher.on("error", () => watcher.close());
        try {
          const staged = await runLoop(agent, {
            ...(pollEvery !== undefined && { pollEvery }),
            signal: stop.signal,
            wake: () => {
              if (woken.signal.aborted) woken = new AbortController();
              return woken.signal;
            },
            asked: () => takeAsk(agent.patches),
            rest: memoryGiver(),
            alive: manager.alive,
          });
          if (stop.signal.aborted) manager.stopping();
          if (stop.signal.aborted && agent.enrolment.ephemeral) await leaveIfCan(agent);
          return staged;
        } finally {
          watcher.close();
        }
      });
    });
  while (!stop.signal.aborted) {
    const former = await withLock(state, async () => updates?.begin());
    if (former !== undefined) goOnAs(former);
    const staged = await stay();
    const next = staged === undefined || updates === null ? undefined : await changeTo(staged, updates, emit);
    if (next !== undefined && !stop.signal.aborted) goOnAs(next);
  }
}

/** Until a host that was started from an image is enrolled: its network may be late, and the service away. */
async function untilEnrolled(
  config: Config,
  signal: AbortSignal,
  emit: Agent["emit"],
  alive: () => void,
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await enrolFromImage(config);
      return;
    } catch (error) {
      const code = error instanceof SutureError ? error.code : "internal";
      const delay = retryDelay(failures, defaultPollSeconds, Math.random(), retryAfterOf(error));
      const detail = `Not enrolled by the image's token: ${describeError(error)}`;
      emit({ event: "trouble", code, detail, retryInSeconds: Math.round(delay) });
      for (let left = delay * 1000; left > 0 && !signal.aborted; left -= settleEvery) {
        alive();
        await systemClock.sleep(Math.min(left, settleEvery), signal);
      }
    }
  }
}
