import { seatSilence } from "./entitlement.ts";

/** 24 h without a plan a machine checks in whatever happens, and 6 h more are its grace (design: "Poll and ticket"). Seconds. */
export const staleAfter = 30 * 3600;

/** `silent` machines are away for so long that their seats are free for others. */
export type Liveness = "live" | "stale" | "silent";

/** How a machine stands that was seen last at `seenAt`. Seconds since the epoch. */
export function livenessOf(seenAt: number, now: number): Liveness {
  const silence = now - seenAt;
  if (silence > seatSilence) return "silent";
  return silence > staleAfter ? "stale" : "live";
}
