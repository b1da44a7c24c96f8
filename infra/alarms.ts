import { Duration } from "aws-cdk-lib";
import { ComparisonOperator, type IMetric, Metric, Stats, TreatMissingData } from "aws-cdk-lib/aws-cloudwatch";
import { Operation, type Table } from "aws-cdk-lib/aws-dynamodb";
import { consumerNames } from "../functions/jobs/consumers.ts";
import type { ApiStack } from "./stacks/api.ts";
import type { DataStack } from "./stacks/data.ts";
import type { EdgeStack } from "./stacks/edge.ts";
import type { JobsStack } from "./stacks/jobs.ts";

export type AlarmDefinition = {
  name: string;
  description: string;
  metric: IMetric;
  comparisonOperator: ComparisonOperator;
  threshold: number;
  evaluationPeriods: number;
  /** what silence means: `breaching` where something ought to have happened */
  treatMissingData: TreatMissingData;
};

/** The stacks whose parts are watched. */
export type Watched = { data: DataStack; api: ApiStack; edge: EdgeStack; jobs: JobsStack };

/** Every alarm of the service. Each is a thing that a person must do something about, and its runbook says what. */
export function alarmsOf({ data, api, edge, jobs }: Watched): AlarmDefinition[] {
  const { "agent-api": agent, "vendor-api": vendor, portal } = api.functions;
  const { publish, schedule, gates, sweeps } = jobs.functions;
  const per5 = { period: Duration.minutes(5) };
  const letters = (name: keyof JobsStack["deadLetters"]) =>
    above(`${name}-dead-letters`, jobs.deadLetters[name].metricApproximateNumberOfMessagesVisible(per5), 0);
  return [
    letters("publish"),
    letters("schedule"),
    ...consumerNames.flatMap((name) => {
      const { lambda } = jobs.functions[name];
      const age = lambda.metric("IteratorAge", { ...per5, statistic: Stats.MAXIMUM });
      return [
        letters(name),
        above(`${name}-late`, age, name === "fleet" ? 600_000 : 60_000),
        above(`${name}-errors`, lambda.metricErrors(per5), 0, 3),
      ];
    }),
    {
      ...above("publishing-stopped", publish.lambda.metricInvocations({ period: Duration.hours(1) }), 1, 3),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
    },
    above("publish-slow", jobs.queue.metricApproximateAgeOfOldestMessage({ ...per5, statistic: Stats.MAXIMUM }), 900),
    above("gates-errors", gates.lambda.metricErrors(per5), 0, 3),
    above("sweeps-errors", sweeps.lambda.metricErrors(per5), 0, 3),
    {
      ...above("gates-stopped", gates.lambda.metricInvocations(per5), 1, 3),
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.BREACHING,
    },
    above("schedule-errors", schedule.lambda.metricErrors({ period: Duration.hours(1) }), 0, 2),
    above(
      "bundles-refused",
      new Metric({ namespace: "Suture", metricName: "BundlesRefused", statistic: Stats.SUM, ...per5 }),
      2,
    ),
    below("service-expiry", daysLeft("ServiceDaysLeft"), 30),
    below("vendor-expiry", daysLeft("VendorDaysLeft"), 7),
    above("agent-api-capped", agent.lambda.metricThrottles(per5), 0, 3),
    above("agent-api-errors", agent.lambda.metricErrors(per5), 5),
    above("agent-api-unavailable", agent.lambda.metric("Url5xxCount", { ...per5, statistic: Stats.SUM }), 50),
    above("agent-api-slow", agent.lambda.metricDuration({ ...per5, statistic: Stats.percentile(99) }), 3000, 3),
    above("vendor-api-errors", vendor.lambda.metricErrors(per5), 5),
    above("portal-errors", portal.lambda.metricErrors(per5), 5),
    above("api-unavailable", edge.api.metricServerError(per5), 10),
    above("changes-throttled", throttled(data.tables.changes, [Operation.GET_ITEM, Operation.PUT_ITEM]), 0),
    above("machines-throttled", throttled(data.tables.machines, [Operation.GET_ITEM, Operation.UPDATE_ITEM]), 0),
  ];
}

function above(name: string, metric: IMetric, threshold: number, evaluationPeriods = 1): AlarmDefinition {
  return {
    name,
    description: `What to do: docs/operations.md#${name}`,
    metric,
    comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
    threshold,
    evaluationPeriods,
    treatMissingData: TreatMissingData.NOT_BREACHING,
  };
}

function below(name: string, metric: IMetric, threshold: number): AlarmDefinition {
  return { ...above(name, metric, threshold), comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD };
}

/** What the hourly schedule writes into its log (functions/jobs/expiries.ts). */
function daysLeft(metricName: string): IMetric {
  return new Metric({ namespace: "Suture", metricName, statistic: Stats.MINIMUM, period: Duration.hours(2) });
}

function throttled(table: Table, operations: Operation[]): IMetric {
  return table.metricThrottledRequestsForOperations({ operations, period: Duration.minutes(5) });
}
