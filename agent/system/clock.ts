import { setTimeout as delay } from "node:timers/promises";

/** Time as the agent sees it; tests bring their own. */
export type Clock = {
  /** milliseconds since the epoch */
  now(): number;
  /** Waits; an aborted signal ends the wait early, and is no error. */
  sleep(millis: number, signal?: AbortSignal): Promise<void>;
};

/** The host's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  async sleep(millis, signal) {
    try {
      await delay(millis, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  },
};
