const hour = 3600;
const day = 24 * hour;

/** 24 h without a plan a machine checks in whatever happens, and 6 h more are its grace (design: "Poll and ticket"). Seconds. */
export const staleAfter = 30 * hour;
const silentAfter = 14 * day;
const retiredAfter = 90 * day;
/** An ephemeral machine checks in so often, and is retired after three that it missed. */
export const ephemeralCheckIn = hour;
const ephemeralRetiredAfter = 3 * ephemeralCheckIn;

/** `silent` machines are away for so long that their seats are free for others; `retired` ones are not part of the fleet any more. */
export type Liveness = "live" | "stale" | "silent" | "retired";
/** When a machine was seen last, and whether somebody retired it; seconds since the epoch. */
export type Presence = { seenAt: number; ephemeral?: boolean | undefined; retiredAt?: number | undefined };

/** How a machine stands. @param now seconds since the epoch */
export function livenessOf({ seenAt, ephemeral = false, retiredAt }: Presence, now: number): Liveness {
  const silence = now - seenAt;
  if (retiredAt !== undefined || silence > (ephemeral ? ephemeralRetiredAfter : retiredAfter)) return "retired";
  if (silence > silentAfter) return "silent";
  return silence > staleAfter ? "stale" : "live";
}

/** Whether its seats are free for others. */
export function isGone(presence: Presence, now: number): boolean {
  return ["silent", "retired"].includes(livenessOf(presence, now));
}
