/** Quarters of a doubling: what a histogram of minutes to months keeps, each bucket within a fifth of the truth. */
export function tookBucket(millis: number): number {
  return Math.floor(4 * Math.log2(Math.max(0, millis) / 60_000 + 1));
}

/**
 * The time within which a share of what is counted was done, in milliseconds: the end of the bucket that it falls in.
 * Undefined where nothing is counted.
 * @param took bucket → count, as `tookBucket` sorts them
 * @param share 0 to 1: 0.5 is the median
 */
export function tookWithin(took: ReadonlyMap<number, number>, share: number): number | undefined {
  const buckets = [...took].sort(([one], [other]) => one - other);
  let left = share * buckets.reduce((sum, [, count]) => sum + count, 0);
  for (const [bucket, count] of buckets) {
    left -= count;
    if (left <= 0) return (2 ** ((bucket + 1) / 4) - 1) * 60_000;
  }
  return undefined;
}
