/** What a patch wants before it may go to `stable`: so many machines on which it has been well for so long (seconds). */
export const wanted = { machines: 10, seconds: 86_400 } as const;

/** How a patch does on one machine; `at` in seconds since the epoch, when it came to this state. */
export type Run = { state: string; at: number };

/** On how many machines a patch has been well for long enough. */
export function healthyRuns(runs: readonly Run[], now: number): number {
  return runs.filter(({ state, at }) => state === "applied" && now - at >= wanted.seconds).length;
}
