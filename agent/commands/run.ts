import { watch } from "node:fs";
import { runLoop } from "../loop.ts";
import { whyOff } from "../off.ts";
import { openAgent, withHostWatched, withLock } from "../open.ts";
import { printEvent } from "./events.ts";

/** `suture-agent run`: stays, until SIGTERM or SIGINT. A step that is under way is finished first. */
export async function run({
  state,
  pollEvery,
  json,
}: {
  state: string;
  pollEvery?: number;
  json: boolean;
}): Promise<void> {
  const off = whyOff(state);
  if (off !== undefined) {
    process.stderr.write(`Switched off: ${off}.\n`);
    return;
  }
  let woken = new AbortController();
  const wake = () => woken.abort();
  await withLock(state, () =>
    withHostWatched(state, wake, async (processes) => {
      const stop = new AbortController();
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
      const agent = await openAgent(state, (event) => printEvent(event, json), { processes });
      const watcher = watch(agent.patches.holdsDirectory, wake);
      // Without it a hold is seen at the next turn, half a minute later at most
      watcher.on("error", () => watcher.close());
      try {
        await runLoop(agent, {
          ...(pollEvery !== undefined && { pollEvery }),
          signal: stop.signal,
          wake: () => {
            if (woken.signal.aborted) woken = new AbortController();
            return woken.signal;
          },
        });
      } finally {
        watcher.close();
      }
    }),
  );
}
