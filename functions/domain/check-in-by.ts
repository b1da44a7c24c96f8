import type { PlanInputs } from "./plan.ts";

/** How long a plan is valid, in seconds. Its half-life is the longest that a machine goes without a check-in. */
export const planSeconds = 48 * 3600;
/** When a machine checks in after it applied something, in seconds: a bad patch shows early. */
const afterApply = [60, 300, 900, 3600];
/** A machine told to apply reports within this; one that does not is asked again. */
const applyWithin = 60;

/**
 * The moment by which a machine checks in whatever happens: the earliest that time alone changes the decision.
 * @returns seconds since the epoch
 */
export function checkInBy(
  inputs: Pick<PlanInputs, "held" | "subscriptions" | "now">,
  next: { applying: boolean; retries: readonly number[] },
): number {
  const { now } = inputs;
  const moments = [now + planSeconds / 2, ...next.retries];
  if (next.applying) moments.push(now + applyWithin);
  for (const { state, since } of inputs.held) {
    // The machine's own clock made `since`: one from the future must not put the check-in off
    if (state === "applied") moments.push(...afterApply.map((seconds) => Math.min(since, now) + seconds));
    if (state === "blocked" || state === "stalled") moments.push(now + applyWithin);
  }
  for (const { endsAt } of inputs.subscriptions) if (endsAt !== null) moments.push(endsAt);
  return Math.min(...moments.filter((moment) => moment > now));
}
