import { Duration, Stack } from "aws-cdk-lib";
import type { ITable, Table } from "aws-cdk-lib/aws-dynamodb";
import { Rule, RuleTargetInput, Schedule } from "aws-cdk-lib/aws-events";
import { LambdaFunction as LambdaTarget } from "aws-cdk-lib/aws-events-targets";
import { StartingPosition } from "aws-cdk-lib/aws-lambda";
import { DynamoEventSource, SqsDlq, SqsEventSource } from "aws-cdk-lib/aws-lambda-event-sources";
import { Queue, QueueEncryption } from "aws-cdk-lib/aws-sqs";
import type { Construct } from "constructs";
import { epochsTables, fleetTables } from "../../functions/jobs/followed.ts";
import { serviceRepository } from "../../functions/jobs/service-repository.ts";
import { acknowledge } from "../acknowledge.ts";
import type { FunctionName } from "../bundles.ts";
import { ServiceFunction } from "../constructs/service-function.ts";
import type { DataStack } from "./data.ts";
import type { SigningStack } from "./signing.ts";

type Props = { data: DataStack; signing: SigningStack; code: Readonly<Record<FunctionName, string>> };

const publishTimeout = Duration.minutes(2);
/** A machine that is told to apply has mostly reported within this, and its place in the lists changes once instead of twice. */
const fleetWindow = Duration.seconds(20);

/** What nobody waits for: publishing, one run at a time for each repository; the epochs of changes; the hourly schedule. */
export class JobsStack extends Stack {
  readonly queue: Queue;
  readonly deadLetters: Readonly<Record<"publish" | "epochs" | "schedule", Queue>>;
  readonly functions: Readonly<Record<"publish" | "epochs" | "fleet" | "schedule" | "gates", ServiceFunction>>;

  constructor(scope: Construct, id: string, props: Props) {
    super(scope, id);
    const closed = { encryption: QueueEncryption.SQS_MANAGED, enforceSSL: true };
    const letters = (name: string, fifo: boolean) =>
      new Queue(this, name, { ...closed, ...(fifo && { fifo }), retentionPeriod: Duration.days(14) });
    this.deadLetters = {
      publish: letters("PublishDeadLetters", true),
      epochs: letters("EpochsDeadLetters", false),
      schedule: letters("ScheduleDeadLetters", false),
    };
    for (const queue of [this.deadLetters.epochs, this.deadLetters.schedule]) {
      acknowledge(queue, "AwsSolutions-SQS3", "It is where a stream or a rule puts what failed");
    }
    this.queue = new Queue(this, "Publish", {
      ...closed,
      fifo: true,
      // A repository's runs wait for each other, those of two repositories do not
      visibilityTimeout: Duration.seconds(publishTimeout.toSeconds() * 6),
      deadLetterQueue: { queue: this.deadLetters.publish, maxReceiveCount: 5 },
    });
    this.functions = {
      publish: this.#publish(props),
      epochs: this.#epochs(props),
      fleet: this.#fleet(props),
      schedule: this.#schedule(props),
      gates: this.#gates(props),
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

  #epochs({ data, code }: Props): ServiceFunction {
    const epochs = new ServiceFunction(this, "EpochsJob", {
      code: code.epochs,
      memoryMb: 256,
      timeout: Duration.seconds(30),
      environment: {},
      // The record of changes has one writer
      reservedConcurrency: 1,
    })
      .mayUseTable(data.tables.changes, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.audit, ["PutItem"])
      .mayUseTable(data.tables.subscriptions, [], ["byVendor"])
      .mayUseTable(data.tables.policies, ["Query"]);
    mayGate(epochs, data).mayUseTable(data.tables.patches, ["GetItem", "Query"]);
    for (const name of epochsTables) this.#follow(epochs, data.tables[name]);
    acknowledge(epochs, "AwsSolutions-IAM5[Resource::*]", "dynamodb:ListStreams takes no resource");
    return epochs;
  }

  /** @param window how long changes are gathered before the job is called */
  #follow(job: ServiceFunction, table: Table, window = Duration.seconds(1)): void {
    job.lambda.addEventSource(
      // CDK's own types do not agree under exactOptionalPropertyTypes
      new DynamoEventSource(table as ITable, {
        startingPosition: StartingPosition.TRIM_HORIZON,
        batchSize: 1000,
        maxBatchingWindow: window,
        maxRecordAge: Duration.hours(23),
        onFailure: new SqsDlq(this.deadLetters.epochs),
      }),
    );
  }

  #fleet({ data, code }: Props): ServiceFunction {
    const fleet = new ServiceFunction(this, "FleetJob", {
      code: code.fleet,
      memoryMb: 512,
      // Looking for silence reads every machine: half a minute for a million
      timeout: Duration.minutes(5),
      environment: {},
    })
      .mayUseTable(data.tables.changes, ["GetItem"])
      .mayUseTable(data.tables.machines, ["GetItem", "BatchGetItem", "Scan"])
      .mayUseTable(data.tables.said, ["GetItem"])
      .mayUseTable(data.tables.states, ["Query", "DeleteItem"])
      .mayUseTable(data.tables.customers, ["GetItem"])
      .mayUseTable(data.tables.subscriptions, ["Query"])
      .mayUseTable(data.tables.patches, ["GetItem", "Query"])
      .mayUseTable(data.tables.policies, ["Query"])
      .mayUseTable(data.tables.pins, ["Query"])
      .mayUseTable(data.tables.rollouts, ["Query"])
      .mayUseTable(data.tables.patchHolds, ["Query"])
      .mayUseTable(data.tables.recalls, ["Query"])
      .mayUseTable(data.tables.fleet, ["GetItem", "BatchGetItem", "PutItem", "DeleteItem"])
      .mayUseTable(data.tables.standings, ["PutItem", "DeleteItem"])
      .mayUseTable(data.tables.fleetCounts, ["UpdateItem"]);
    for (const name of fleetTables) this.#follow(fleet, data.tables[name], fleetWindow);
    acknowledge(fleet, "AwsSolutions-IAM5[Resource::*]", "dynamodb:ListStreams takes no resource");
    new Rule(this, "Silence", {
      schedule: Schedule.rate(Duration.hours(3)),
      targets: [
        new LambdaTarget(fleet.lambda, {
          event: RuleTargetInput.fromObject({}),
          deadLetterQueue: this.deadLetters.schedule,
          retryAttempts: 3,
        }),
      ],
    });
    return fleet;
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
    });
    mayGate(gates, data).mayUseTable(data.tables.patches, ["GetItem"]);
    new Rule(this, "EachMinute", {
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaTarget(gates.lambda, {
          event: RuleTargetInput.fromObject({}),
          deadLetterQueue: this.deadLetters.schedule,
          retryAttempts: 0,
        }),
      ],
    });
    return gates;
  }
}

/** What judging a rollout and changing it takes. */
function mayGate(job: ServiceFunction, data: Props["data"]): ServiceFunction {
  return job
    .mayUseTable(data.tables.rollouts, ["GetItem", "PutItem"], ["running"])
    .mayUseTable(data.tables.outcomes, ["GetItem", "PutItem", "Query", "UpdateItem"], ["watched"])
    .mayUseTable(data.tables.counts, ["GetItem", "PutItem", "UpdateItem"])
    .mayUseTable(data.tables.patchHolds, ["GetItem", "PutItem"])
    .mayUseTable(data.tables.machines, ["GetItem", "BatchGetItem"], ["byCustomer"])
    .mayUseTable(data.tables.said, ["BatchGetItem"]);
}
