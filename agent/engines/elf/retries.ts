import { isGood, type ProcessResult } from "./outcomes.ts";

/** After so many failures in a row a process is tried less often: from this many milliseconds on, doubling up to the longest. */
const freeTries = 3;
const shortest = 5_000;
const longest = 300_000;
/** More processes than this are not remembered. */
const maxRemembered = 4096;

/** How often processes that could not be patched are tried again while others have the patch. */
export type Retries = {
  /** Does the work, or answers what it came to last where that is too recent. @param isKept false: it is tried in any case */
  unlessPutOff(key: string, isKept: boolean, work: () => Promise<ProcessResult>): Promise<ProcessResult>;
};

/**
 * The agent brings what it has applied to new processes at each turn, every second while it watches: one that cannot be patched, because its
 * user sees to that, must not be stopped each time, nor cost the agent its time.
 * @param now milliseconds
 */
export function createRetries(now: () => number): Retries {
  const failed = new Map<string, { result: ProcessResult | undefined; tries: number; until: number }>();
  return {
    async unlessPutOff(key, isKept, work) {
      const before = failed.get(key);
      if (isKept && before?.result !== undefined && now() < before.until) return before.result;
      const tries = (before?.tries ?? 0) + 1;
      const until = () => now() + (tries < freeTries ? 0 : Math.min(longest, shortest * 2 ** (tries - freeTries)));
      if (failed.size >= maxRemembered) failed.clear();
      try {
        const result = await work();
        if (isGood(result)) failed.delete(key);
        else failed.set(key, { result, tries, until: until() });
        return result;
      } catch (error) {
        failed.set(key, { result: putOff(error), tries, until: until() });
        throw error;
      }
    },
  };
}

function putOff(error: unknown): ProcessResult {
  const reason = error instanceof Error ? error.message : String(error);
  return { code: "blocked", detail: `${reason} (tried again later)` };
}
