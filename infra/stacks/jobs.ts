import { Duration, Stack } from "aws-cdk-lib";
import type { ITable } from "aws-cdk-lib/aws-dynamodb";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsDlq, SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import {
  type ConsumerName,
  consumerNames,
  consumers,
  setAsideRetries,
  streamRetries,
} from "../../functions/jobs/consumers.ts";
import { serviceRepository } from "../../functions/jobs/service-repository.ts";
import { acknowledge } from "../acknowledge.ts";
import type { FunctionName } from "../bundles.ts";
import { ServiceFunction, type ServiceFunctionProps } from "../constructs/service-function.ts";
import type { DataStack } from "./data.ts";
import type { SigningStack } from "./signing.ts";

type Props = { data: DataStack; signing: SigningStack; code: Readonly<Record<FunctionName, string>> };

const publishTimeout = Duration.minutes(2);

/** What nobody waits for: publishing, one run at a time for each repository; the streams' consumers; what runs hourly and each minute. */
export class JobsStack extends Stack {
  readonly queue: Queue;
  readonly deadLetters: Readonly<Record<"publish" | "schedule" | ConsumerName, Queue>>;
  readonly functions: Readonly<Record<"publish" | "schedule" | "gates" | "sweeps" | ConsumerName, ServiceFunction>>;

  constructor(scope: Construct, id: string, props: Props) {
    super(scope, id);
    const closed = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    const letters = (name: string, fifo: boolean) =>
      new Queue(this, name, { ...closed, ...(fifo && { fifo }), retentionPeriod: Duration.days(14) });
    const ofConsumers = consumerNames.map(
      (name) => [name, letters(`${name.charAt(0).toUpperCase()}${name.slice(1)}DeadLetters`, false)] as const,
    );
    this.deadLetters = {
      publish: letters("PublishDeadLetters", true),
      schedule: letters("ScheduleDeadLetters", false),
      ...(Object.fromEntries(ofConsumers) as Record<ConsumerName, Queue>),
    };
    acknowledge(this.deadLetters.schedule, "AwsSolutions-SQS3", "It is where a rule puts what failed");
    this.queue = new Queue(this, "Publish", {
      ...closed,
      fifo: true,
      // A repository's runs wait for each other, those of two repositories do not
      visibilityTimeout: Duration.seconds(publishTimeout.toSeconds() * 6),
      deadLetterQueue: { queue: this.deadLetters.publish, maxReceiveCount: 5 },
    });
    this.functions = {
      publish: this.#publish(props),
      ...this.#consumers(props),
      schedule: this.#schedule(props),
      gates: this.#gates(props),
      sweeps: this.#sweeps(props),
    };
  }

  #publish({ data, signing, code }: Props): ServiceFunction {
    const publish = new ServiceFunction(this, "PublishJob", {
      code: code.publish,
      memoryMb: 512,
      timeout: publishTimeout,
      environment: {
        SUTURE_BUCKET: data.bucket.name,
        SUTURE_WRAPPING_KEY: signing.wrapping.keyArn,
        SUTURE_SNAPSHOT_KEY: signing.service.snapshot.keyArn,
        SUTURE_TIMESTAMP_KEY: signing.service.timestamp.keyArn,
        SUTURE_RECALLS_KEY: signing.service.recalls.keyArn,
      },
    })
      .mayUseTable(data.tables.roles, ["GetItem", "Query"])
      .mayUseTable(data.tables.vendors, ["GetItem"])
      .mayUseTable(data.tables.repositories, ["GetItem", "UpdateItem"])
      .mayUseTable(data.tables.patches, ["Query", "UpdateItem"])
      .mayUseTable(data.tables.recalls, ["Query", "UpdateItem"])
      .mayUseRows(data.tables.roles, serviceRepository, ["PutItem"])
      .mayUseObjects(data.bucket, "read", ["tuf/*"])
      .mayUseObjects(data.bucket, "put", ["tuf/*"])
      .mayMissObjects(data.bucket)
      .mayUseKey(signing.wrapping, ["Decrypt"], ["vendor", "role"])
      .mayUseKey(signing.service.snapshot, ["Sign", "GetPublicKey"])
      .mayUseKey(signing.service.timestamp, ["Sign", "GetPublicKey"])
      .mayUseKey(signing.service.recalls, ["Sign", "GetPublicKey"]);
    publish.lambda.addEventSource(new SqsEventSource(this.queue, { batchSize: 1 }));
    return publish;
  }

  /** What each of the streams' consumers may do beside reading its tables' streams. */
  #consumers(props: Props): Record<ConsumerName, ServiceFunction> {
    const { tables } = props.data;
    const make = (name: ConsumerName, more: Partial<ServiceFunctionProps> = {}) => this.#consumer(name, props, more);
    return {
      // The record of changes has one writer
      epochs: make("epochs", { reservedConcurrency: 1 }).mayUseTable(tables.changes, ["GetItem", "PutItem"]),
      rollouts: make("rollouts", { timeout: Duration.minutes(5) })
        .mayUseTable(tables.audit, ["PutItem"])
        .mayUseTable(tables.subscriptions, [], ["byVendor"])
        .mayUseTable(tables.patches, ["GetItem", "Query"])
        .mayUseTable(tables.policies, ["Query"])
        .mayUseTable(tables.rollouts, ["GetItem", "PutItem"]),
      outcomes: make("outcomes")
        .mayUseTable(tables.outcomes, ["GetItem", "PutItem"])
        .mayUseTable(tables.counts, ["UpdateItem"])
        .mayUseTable(tables.rollouts, ["GetItem"]),
      judgements: make("judgements")
        .mayUseTable(tables.counts, ["GetItem", "BatchGetItem"])
        .mayUseTable(tables.outcomes, ["GetItem"])
        .mayUseTable(tables.patchHolds, ["GetItem", "PutItem"])
        .mayUseTable(tables.rollouts, ["GetItem", "PutItem"]),
      fleet: mayIndex(make("fleet", { memoryMb: 512, timeout: Duration.minutes(2) }), props.data),
      audit: make("audit").mayUseTable(tables.audit, ["PutItem"]),
    };
  }

  /** A consumer behind its tables' streams, and behind its own queue of what is to be tried again. */
  #consumer(name: ConsumerName, { data, code }: Props, more: Partial<ServiceFunctionProps>): ServiceFunction {
    const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    const { timeout = Duration.seconds(30) } = more;
    const retries = new Queue(this, `${title}Retries`, {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(timeout.toSeconds() * 6),
      deadLetterQueue: { queue: this.deadLetters[name], maxReceiveCount: setAsideRetries.attempts },
    });
    const job = new ServiceFunction(this, `${title}Job`, {
      code: code[name],
      memoryMb: 256,
      timeout,
      environment: { SUTURE_RETRIES_QUEUE_URL: retries.queueUrl },
      ...more,
    }).maySend(retries.queueArn);
    for (const table of consumers[name].follows) {
      job.lambda.addEventSource(
        // CDK's own types do not agree under exactOptionalPropertyTypes
        new DynamoEventSource(data.tables[table] as ITable, {
          startingPosition: StartingPosition.TRIM_HORIZON,
          batchSize: streamRetries.batchSize,
          maxBatchingWindow: Duration.seconds(consumers[name].windowSeconds),
          bisectBatchOnError: true,
          reportBatchItemFailures: true,
          retryAttempts: streamRetries.attempts,
          maxRecordAge: Duration.hours(streamRetries.maxAgeHours),
          onFailure: new SqsDlq(retries),
        }),
      );
    }
    job.lambda.addEventSource(new SqsEventSource(retries, { batchSize: 10, reportBatchItemFailures: true }));
    acknowledge(job, "AwsSolutions-IAM5[Resource::*]", "dynamodb:ListStreams takes no resource");
    return job;
  }

  #sweeps({ data, code }: Props): ServiceFunction {
    const sweeps = mayIndex(
      new ServiceFunction(this, "SweepsJob", {
        code: code.sweeps,
        // A whole processor: matching 50,000 machines is some ten seconds of it
        memoryMb: 1769,
        timeout: Duration.seconds(55),
        environment: {},
        reservedConcurrency: 1,
      }),
      data,
    )
      .mayUseTable(data.tables.machines, ["Scan"], ["byCustomer"])
      .mayUseTable(data.tables.said, ["BatchGetItem"])
      .mayUseTable(data.tables.rollouts, ["GetItem", "PutItem"], ["running"])
      .mayUseTable(data.tables.progress, ["GetItem", "PutItem"]);
    this.#eachMinute("Sweeping", sweeps);
    return sweeps;
  }

  #schedule({ data, signing, code }: Props): ServiceFunction {
    const schedule = new ServiceFunction(this, "ScheduleJob", {
      code: code.schedule,
      memoryMb: 256,
      timeout: Duration.minutes(5),
      environment: {
        SUTURE_BUCKET: data.bucket.name,
        SUTURE_PUBLISH_QUEUE_URL: this.queue.queueUrl,
        SUTURE_PLAN_KEYS_SECRET: data.secrets.planKeys.secretArn,
        SUTURE_OFFLINE_PLAN_KEYS_SECRET: data.secrets.offlinePlanKeys.secretArn,
        SUTURE_PLAN_KEYS_KEY: signing.service.planKeys.keyArn,
      },
      reservedConcurrency: 1,
    })
      .mayUseRows(data.tables.roles, serviceRepository, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.roles, ["Query"])
      .mayUseTable(data.tables.vendors, [], ["all"])
      .mayUseTable(data.tables.customers, [], ["all"])
      .mayUseTable(data.tables.subscriptions, ["Query"], ["byVendor"])
      .mayUseTable(data.tables.machines, ["BatchGetItem"], ["byCustomer"])
      .mayUseTable(data.tables.said, ["BatchGetItem"])
      .mayUseTable(data.tables.support, ["Query"])
      .mayUseTable(data.tables.audit, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.seats, ["GetItem", "Query", "UpdateItem"])
      .mayUseTable(data.tables.progress, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.usage, ["PutItem"])
      .mayUseObjects(data.bucket, "put", ["tuf/service/targets/plan-keys/*"])
      .mayUseKey(signing.service.planKeys, ["Sign", "GetPublicKey"])
      .mayUseSecret(data.secrets.planKeys, "write")
      .mayUseSecret(data.secrets.offlinePlanKeys, "write")
      .maySend(this.queue.queueArn);
    new Rule(this, "Hourly", {
      schedule: Schedule.rate(Duration.hours(1)),
      targets: [
        new LambdaTarget(schedule.lambda, {
          event: RuleTargetInput.fromObject({}),
          deadLetterQueue: this.deadLetters.schedule,
          retryAttempts: 3,
        }),
      ],
    });
    return schedule;
  }

  #gates({ data, code }: Props): ServiceFunction {
    const gates = new ServiceFunction(this, "GatesJob", {
      code: code.gates,
      memoryMb: 256,
      timeout: Duration.seconds(55),
      environment: {},
      reservedConcurrency: 1,
    })
      .mayUseTable(data.tables.rollouts, ["GetItem", "PutItem"], ["running"])
      .mayUseTable(data.tables.outcomes, ["PutItem"], ["watched"])
      .mayUseTable(data.tables.counts, ["GetItem", "BatchGetItem", "PutItem", "UpdateItem"])
      .mayUseTable(data.tables.patchHolds, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.machines, ["GetItem"])
      .mayUseTable(data.tables.said, ["GetItem"])
      .mayUseTable(data.tables.progress, ["GetItem", "PutItem"]);
    this.#eachMinute("EachMinute", gates);
    return gates;
  }

  /** Runs a job each minute, the shortest that a schedule can; one that fails is not run again before the next. */
  #eachMinute(id: string, { lambda }: ServiceFunction): void {
    new Rule(this, id, {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaTarget(lambda, {
          event: RuleTargetInput.fromObject({}),
          deadLetterQueue: this.deadLetters.schedule,
          retryAttempts: 0,
        }),
      ],
    });
  }
}

/** What judging machines and writing the index of the fleet takes. */
function mayIndex(job: ServiceFunction, { tables }: DataStack): ServiceFunction {
  return job
    .mayUseTable(tables.changes, ["GetItem"])
    .mayUseTable(tables.machines, ["GetItem", "BatchGetItem"])
    .mayUseTable(tables.said, ["GetItem"])
    .mayUseTable(tables.states, ["Query", "DeleteItem"])
    .mayUseTable(tables.customers, ["GetItem"])
    .mayUseTable(tables.subscriptions, ["Query"])
    .mayUseTable(tables.patches, ["GetItem", "Query"])
    .mayUseTable(tables.policies, ["Query"])
    .mayUseTable(tables.pins, ["Query"])
    .mayUseTable(tables.rollouts, ["Query"])
    .mayUseTable(tables.patchHolds, ["Query"])
    .mayUseTable(tables.recalls, ["Query"])
    .mayUseTable(tables.fleet, ["GetItem", "BatchGetItem", "PutItem", "DeleteItem"])
    .mayUseTable(tables.standings, ["PutItem", "DeleteItem"])
    .mayUseTable(tables.fleetCounts, ["UpdateItem"]);
}
