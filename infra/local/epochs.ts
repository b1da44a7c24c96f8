import { setTimeout as sleep } from "node:timers/promises";
import type { StreamEvent } from "../../functions/stores/streams.ts";

/** The record of changes is written at most this often. */
const runEveryMillis = 1_000;

/**
 * Gathers the batches of all tables' streams and runs the epochs job once for all that came within a second. A batch is done when the
 * job is, so that a stream whose reader dies goes on from there.
 * @param run the epochs job
 * @param now milliseconds since the epoch
 */
export function gatherEvents(
  run: (event: StreamEvent) => Promise<unknown>,
  now: () => number,
): (event: StreamEvent) => Promise<void> {
  let waiting: StreamEvent["Records"] = [];
  let running: Promise<void> | undefined;
  let lastRun = 0;

  async function runSoon(): Promise<void> {
    await sleep(Math.max(0, lastRun + runEveryMillis - now()));
    const Records = waiting;
    waiting = [];
    running = undefined;
    lastRun = now();
    await run({ Records });
  }

  return async ({ Records }) => {
    waiting.push(...Records);
    running ??= runSoon();
    await running;
  };
}
