/** So many requests a second on the long run, and so many at once. */
export type Rate = { perSecond: number; burst: number };
/** What is left of a rate, as of `at` (seconds). */
export type Bucket = { left: number; at: number };

/**
 * Takes one request's worth out of a bucket, which fills again with time. A clock that is set back fills nothing.
 * @param now seconds
 * @returns the bucket as it is then, and in how many seconds there is enough; 0 where there was
 */
export function take(bucket: Bucket | undefined, { perSecond, burst }: Rate, now: number): Bucket & { wait: number } {
  const passed = Math.max(0, now - (bucket?.at ?? now));
  const filled = Math.min(burst, (bucket?.left ?? burst) + passed * perSecond);
  if (filled >= 1) return { left: filled - 1, at: now, wait: 0 };
  return { left: filled, at: now, wait: Math.ceil((1 - filled) / perSecond) };
}
