import { Stack } from "aws-cdk-lib";
import { CfnBudget } from "aws-cdk-lib/aws-budgets";
import { Alarm, AlarmStatusWidget, Dashboard, GraphWidget } from "aws-cdk-lib/aws-cloudwatch";
import { SnsAction } from "aws-cdk-lib/aws-cloudwatch-actions";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct } from "constructs";
import { alarmsOf, type Watched } from "../alarms.ts";
import type { StageConfig } from "../stage.ts";

type Props = Watched & { stage: StageConfig };

/** What people look at and are woken by: alarms on one topic, one dashboard, a budget. */
export class ObserveStack extends Stack {
  readonly alarms: readonly Alarm[];

  constructor(scope: Construct, id: string, { stage, ...parts }: Props) {
    super(scope, id);
    const topic = new Topic(this, "Alarms", { enforceSSL: true });
    topic.grantPublish(new ServicePrincipal("cloudwatch.amazonaws.com"));
    topic.grantPublish(new ServicePrincipal("budgets.amazonaws.com"));
    this.alarms = alarmsOf(parts).map(({ name, description, ...definition }) => {
      const alarm = new Alarm(this, name, {
        ...definition,
        alarmName: `suture-${name}`,
        alarmDescription: description,
      });
      alarm.addAlarmAction(new SnsAction(topic));
      alarm.addOkAction(new SnsAction(topic));
      return alarm;
    });
    this.#dashboard(parts);
    this.#budget(stage.monthlyBudget, topic.topicArn);
  }

  #dashboard({ api, edge, jobs }: Watched): void {
    const functions = Object.entries({ ...api.functions, ...jobs.functions });
    new Dashboard(this, "Dashboard", {
      dashboardName: "suture",
      widgets: [
        [new AlarmStatusWidget({ alarms: [...this.alarms], title: "Alarms", width: 24 })],
        [
          new GraphWidget({
            title: "Requests",
            left: functions.map(([label, { lambda }]) => lambda.metricInvocations({ label })),
            right: [edge.api.metricCount({ label: "HTTP API" })],
            width: 12,
          }),
          new GraphWidget({
            title: "Duration, p99",
            left: functions.map(([label, { lambda }]) => lambda.metricDuration({ label, statistic: "p99" })),
            width: 12,
          }),
        ],
        [
          new GraphWidget({
            title: "Errors and throttles",
            left: functions.flatMap(([label, { lambda }]) => [
              lambda.metricErrors({ label: `${label} errors` }),
              lambda.metricThrottles({ label: `${label} throttles` }),
            ]),
            width: 12,
          }),
          new GraphWidget({
            title: "Publishing",
            left: [jobs.queue.metricApproximateAgeOfOldestMessage({ label: "oldest message" })],
            right: Object.entries(jobs.deadLetters).map(([label, queue]) =>
              queue.metricApproximateNumberOfMessagesVisible({ label: `${label} dead letters` }),
            ),
            width: 12,
          }),
        ],
      ],
    });
  }

  #budget(amount: number, topicArn: string): void {
    new CfnBudget(this, "Budget", {
      budget: { budgetType: "COST", timeUnit: "MONTHLY", budgetLimit: { amount, unit: "USD" } },
      notificationsWithSubscribers: (["FORECASTED", "ACTUAL"] as const).map((notificationType) => ({
        notification: { notificationType, comparisonOperator: "GREATER_THAN", threshold: 80 },
        subscribers: [{ subscriptionType: "SNS", address: topicArn }],
      })),
    });
  }
}
