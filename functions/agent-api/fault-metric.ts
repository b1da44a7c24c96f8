/**
 * A bundle that a machine could not use as it was served, as a metric in CloudWatch's embedded format; what it was stands beside it.
 * @param now milliseconds since the epoch
 */
export function faultMetric({ patch, detail }: { patch: string; detail: string }, now: number): object {
  const CloudWatchMetrics = [{ Namespace: "Suture", Dimensions: [[]], Metrics: [{ Name: "BundlesRefused" }] }];
  return { _aws: { Timestamp: now, CloudWatchMetrics }, BundlesRefused: 1, patch, detail };
}
