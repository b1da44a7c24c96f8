import type { PlanKeys } from "../../protocol/wire/plan.ts";

const day = 86_400;
/** How long a plan key lives, how long before its first use it is published, and when its successor is due; seconds (design: "Trust"). */
const planKeyLife = 30 * day;
const planKeyNotice = day;
const successorDue = 7 * day;

/** A plan key that takes the place of all others at once: whoever stole one must not use it for another day. Seconds since the epoch. */
export function planKeyNow(now: number): { nbf: number; exp: number } {
  return { nbf: now, exp: now + planKeyLife };
}

/** Whether a new plan key is due, and from when it may sign; `undefined` where none is. Times are seconds since the epoch. */
export function planKeyDue(keys: PlanKeys["keys"], now: number): { nbf: number; exp: number } | undefined {
  // a key made while this clock was ahead is nobody's successor: it may begin in a year
  const last = Math.max(0, ...keys.filter((key) => key.nbf <= now + planKeyNotice).map((key) => key.exp));
  if (last - now > successorDue) return undefined;
  // With no key that is valid now there is nobody whom notice would serve
  const nbf = last > now ? now + planKeyNotice : now;
  return { nbf, exp: nbf + planKeyLife };
}

/** The key that signs now: the newest that has begun. */
export function signingKey<K extends { nbf: number; exp: number }>(keys: readonly K[], now: number): K | undefined {
  return keys.filter((key) => key.nbf <= now && now < key.exp).sort((a, b) => b.nbf - a.nbf)[0];
}

/** The keys that agents must still know: a plan outlives the last use of its key by its own validity. */
export function publishedKeys<K extends { exp: number }>(keys: readonly K[], now: number, planSeconds: number): K[] {
  return keys.filter((key) => key.exp + planSeconds > now);
}
