/** Tells a person what happens, each step with its time since the start. */
export type Timeline = { step(text: string): void; note(text: string): void };

/** @param now milliseconds; @param write takes one line */
export function startTimeline(now: () => number, write: (line: string) => void): Timeline {
  const started = now();
  return {
    step: (text) => write(`${((now() - started) / 1000).toFixed(2).padStart(7)} s  ${text}`),
    note: (text) => write(`           ${text}`),
  };
}
