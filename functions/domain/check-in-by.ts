import { afterApplySeconds } from "./outcome.ts";

/** How long a plan is valid, in seconds. Its half-life is the longest that a machine goes without a check-in. */
export const planSeconds = 48 * 3600;
/** A machine told to apply reports within this; one that does not is asked again. */
const applyWithin = 60;
/** What is in a patch's way is gone soon, as a rule: it is tried again after a part of the time that it was there, up to this. */
const blockedPart = 0.25;
const blockedLongest = 900;

/** What a machine's next check-in depends on. Times are seconds since the epoch. */
type Situation = {
  now: number;
  held: readonly { patch: string; state: string; since: number; heldHere?: true | undefined }[];
  subscriptions: readonly { endsAt: number | null }[];
  /** whether it was told to do something now */
  acting: boolean;
  /** when time alone changes a decision */
  decisions: readonly number[];
  /** how long a patch's wave is watched, by patch; seconds */
  bakes: ReadonlyMap<string, number>;
};

/**
 * The moment by which a machine checks in whatever happens: the earliest that time alone changes the decision, or that somebody
 * watches how a patch does.
 * @returns seconds since the epoch
 */
export function checkInBy({ now, held, subscriptions, acting, decisions, bakes }: Situation): number {
  const moments = [now + planSeconds / 2, ...decisions];
  if (acting) moments.push(now + applyWithin);
  for (const { patch, state, since, heldHere } of held) {
    // The machine's own clock made `since`: one from the future must not put the check-in off
    const begun = Math.min(since, now);
    if (state === "applied") {
      moments.push(...afterApplySeconds.map((seconds) => begun + seconds));
      const bake = bakes.get(patch) ?? 0;
      moments.push(...[0.25, 0.5, 0.75, 1].map((part) => Math.ceil(begun + part * bake)));
    }
    if (heldHere !== undefined) continue;
    if (state === "stalled") moments.push(now + applyWithin);
    if (state === "blocked") {
      const wait = Math.max(applyWithin, Math.min(blockedLongest, Math.ceil(blockedPart * (now - begun))));
      moments.push(now + wait);
    }
  }
  for (const { endsAt } of subscriptions) if (endsAt !== null) moments.push(endsAt);
  return Math.min(...moments.filter((moment) => moment > now));
}
