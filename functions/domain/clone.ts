/** For so long after the last alternation an identity is two hosts'. Seconds. */
const clonedFor = 24 * 3600;

/**
 * Whether two hosts answer to one identity: a boot that was over has come back. No host boots twice with one boot id, so a reboot
 * never looks like this.
 * @param boots boot ids of the last three check-ins, the newest first
 */
export function isAlternating([newest, before, first]: readonly string[]): boolean {
  return newest !== undefined && newest === first && newest !== before;
}

/** Whether an identity counts as cloned: it heals by itself a day after one of the two was enrolled anew or ended. */
export function isCloned(clonedAt: number | undefined, now: number): boolean {
  return clonedAt !== undefined && now < clonedUntil(clonedAt);
}

/** Until when. Seconds since the epoch, like `clonedAt`. */
export function clonedUntil(clonedAt: number): number {
  return clonedAt + clonedFor;
}
