import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Match } from "aws-cdk-lib/assertions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { consumerNames, consumers } from "../functions/jobs/consumers.ts";
import { type TableDefinition, tableName, tables } from "../functions/stores/tables.ts";
import { functionIds } from "../test/support/bundled-tables.ts";
import { synthesize } from "../test/support/templates.ts";

const template = synthesize();
describe("cdk-nag's AwsSolutions pack", () => {
  it("fails the synthesis over what nobody explained, so that the ones above would not be there", () => {
    const app = new App();
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    new Queue(new Stack(app, "wrong"), "Queue");
    expect(() => app.synth()).toThrow(/AwsSolutions-SQS3/);
  });
});

describe("data", () => {
  const prod = template("prod", "data");

  it.each(Object.values<TableDefinition>(tables))(
    "the table $name is as its definition says, and cannot be lost",
    (table) => {
      const { partition, sort, indexes = {}, stream, seldomRead, ttl } = table;
      prod.hasResource("AWS::DynamoDB::Table", {
        DeletionPolicy: "Retain",
        UpdateReplacePolicy: "Retain",
        Properties: {
          TableName: tableName(table),
          BillingMode: "PAY_PER_REQUEST",
          DeletionProtectionEnabled: true,
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          KeySchema: [
            { AttributeName: partition, KeyType: "HASH" },
            ...(sort === undefined ? [] : [{ AttributeName: sort, KeyType: "RANGE" }]),
          ],
          ...(Object.keys(indexes).length > 0 && {
            GlobalSecondaryIndexes: Object.keys(indexes).map((IndexName) => Match.objectLike({ IndexName })),
          }),
          ...(stream && { StreamSpecification: { StreamViewType: "NEW_AND_OLD_IMAGES" } }),
          TableClass: seldomRead ? "STANDARD_INFREQUENT_ACCESS" : Match.absent(),
          ...(ttl !== undefined && { TimeToLiveSpecification: { AttributeName: ttl, Enabled: true } }),
        },
      });
    },
  );

  it("bundles and roots are versioned, locked, encrypted and closed to the public", () => {
    prod.hasResourceProperties("AWS::S3::Bucket", {
      VersioningConfiguration: { Status: "Enabled" },
      ObjectLockEnabled: true,
      ObjectLockConfiguration: { Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 30 } } },
      BucketEncryption: Match.anyValue(),
      PublicAccessBlockConfiguration: Object.fromEntries(
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"].map((each) => [
          each,
          true,
        ]),
      ),
    });
  });

  it("a development stage can be thrown away", () => {
    template("dev", "data").allResources("AWS::DynamoDB::Table", { DeletionPolicy: "Delete" });
    template("dev", "data").resourcePropertiesCountIs("AWS::S3::Bucket", { ObjectLockEnabled: true }, 0);
  });
});

describe("signing", () => {
  it("one key wraps and is rotated by AWS; each online role of the service has a key that signs", () => {
    const prod = template("prod", "signing");
    prod.resourceCountIs("AWS::KMS::Key", 5);
    prod.allResources("AWS::KMS::Key", { DeletionPolicy: "Retain" });
    prod.resourcePropertiesCountIs("AWS::KMS::Key", { EnableKeyRotation: true }, 1);
    prod.resourcePropertiesCountIs("AWS::KMS::Key", { KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" }, 4);
  });
});

describe("api", () => {
  it("every function is arm64 on Node 24 and logs no line for a request that went well", () => {
    for (const part of ["api", "jobs"] as const) {
      template("prod", part).allResourcesProperties("AWS::Lambda::Function", {
        Architectures: ["arm64"],
        Runtime: "nodejs24.x",
        LoggingConfig: Match.objectLike({ LogFormat: "JSON", SystemLogLevel: "WARN", ApplicationLogLevel: "WARN" }),
      });
    }
  });

  it("only the agents' API has a function URL, and its cap is reserved concurrency", () => {
    const prod = template("prod", "api");
    prod.resourceCountIs("AWS::Lambda::Url", 1);
    prod.resourcePropertiesCountIs("AWS::Lambda::Function", { ReservedConcurrentExecutions: 250 }, 1);
    template("prod", "edge").hasResourceProperties("AWS::ApiGatewayV2::Stage", {
      DefaultRouteSettings: { ThrottlingRateLimit: 200, ThrottlingBurstLimit: 400 },
    });
  });
});

describe("jobs", () => {
  const prod = template("prod", "jobs");

  it("a repository has one publisher at a time, and what fails five times is kept for people", () => {
    prod.hasResourceProperties("AWS::SQS::Queue", {
      FifoQueue: true,
      RedrivePolicy: Match.objectLike({ maxReceiveCount: 5 }),
    });
    prod.hasResourceProperties("AWS::Lambda::EventSourceMapping", { BatchSize: 1 });
  });

  /** The tables whose streams a consumer's function is behind, and those mappings. */
  const mappings = Object.values(prod.findResources("AWS::Lambda::EventSourceMapping")).map(({ Properties }) => {
    const of = JSON.stringify(Properties.FunctionName);
    return { Properties, name: consumerNames.find((each) => of.includes(functionIds[each])), of };
  });
  const streams = mappings.filter(({ Properties }) => "StartingPosition" in Properties);

  it("each stream's consumer is a function of its own, behind the tables that the shared list says", () => {
    for (const name of consumerNames) {
      const own = streams.filter((each) => each.name === name);
      expect(own.length, name).toBe(consumers[name].follows.length);
      const tablesOf = own.map(({ Properties }) => JSON.stringify(Properties.EventSourceArn));
      for (const table of consumers[name].follows)
        expect(
          tablesOf.some((arn) => arn.includes(tables[table].name.replaceAll("-", ""))),
          `${name} ${table}`,
        ).toBe(true);
    }
    expect(streams).toHaveLength(consumerNames.flatMap((name) => consumers[name].follows).length);
  });

  it("every stream has a reader, and none has more than the two that a shard bears", () => {
    const followed = consumerNames.flatMap((name): string[] => [...consumers[name].follows]);
    const withStream = Object.entries<TableDefinition>(tables).flatMap(([name, { stream }]) => (stream ? [name] : []));
    expect(new Set(followed)).toEqual(new Set(withStream));
    for (const name of withStream) expect(followed.filter((each) => each === name).length, name).toBeLessThan(3);
  });

  it("a batch that fails is cut in two, tried so often and no longer, and goes to the consumer's queue of retries, with people at its end", () => {
    for (const { Properties } of streams) {
      expect(Properties).toMatchObject({
        BisectBatchOnFunctionError: true,
        FunctionResponseTypes: ["ReportBatchItemFailures"],
        MaximumRetryAttempts: 50,
        MaximumRecordAgeInSeconds: 6 * 3600,
        DestinationConfig: { OnFailure: { Destination: expect.anything() } },
      });
    }
    const retried = mappings.filter(
      ({ Properties, name }) => name !== undefined && !("StartingPosition" in Properties),
    );
    expect(retried).toHaveLength(consumerNames.length);
    expect(new Set(retried.map(({ name }) => name))).toEqual(new Set(consumerNames));
    const queues = Object.values(prod.findResources("AWS::SQS::Queue")).map(({ Properties }) => Properties);
    expect(queues.filter((queue) => queue?.RedrivePolicy?.maxReceiveCount === 5)).toHaveLength(
      consumerNames.length + 1,
    );
  });

  it("the record of changes has one writer", () => {
    const reserved = Object.entries(prod.findResources("AWS::Lambda::Function")).filter(
      ([, { Properties }]) => Properties.ReservedConcurrentExecutions === 1,
    );
    expect(reserved.map(([id]) => id.replace(/Function.*/, "")).sort()).toEqual(
      ["EpochsJob", "GatesJob", "ScheduleJob", "SweepsJob"].sort(),
    );
  });
});

describe("edge", () => {
  const prod = template("prod", "edge");

  it("a missing root is asked for again each time, and timestamp.json lives for seconds", () => {
    prod.hasResourceProperties("AWS::CloudFront::Distribution", {
      DistributionConfig: Match.objectLike({
        CustomErrorResponses: [403, 404].map((ErrorCode) => ({ ErrorCode, ErrorCachingMinTTL: 0 })),
        CacheBehaviors: [
          Match.objectLike({ PathPattern: "tuf/*/timestamp.json" }),
          Match.objectLike({ PathPattern: "tuf/*" }),
          Match.objectLike({ PathPattern: "bundles/*" }),
        ],
      }),
    });
    prod.hasResourceProperties("AWS::CloudFront::CachePolicy", {
      CachePolicyConfig: Match.objectLike({ MaxTTL: 5, MinTTL: 0 }),
    });
  });
});

describe("observe", () => {
  it("every alarm tells somebody and has its heading in the runbook", () => {
    const alarms = Object.values(template("prod", "observe").findResources("AWS::CloudWatch::Alarm"));
    const headings = [
      ...readFileSync(join(import.meta.dirname, "../docs/operations.md"), "utf8").matchAll(/^### (.+)$/gm),
    ];
    const known = new Set(headings.map(([, heading]) => heading));
    expect(alarms.length).toBeGreaterThan(10);
    for (const { Properties } of alarms) {
      const { AlarmName, AlarmDescription, AlarmActions } = Properties as Record<string, unknown>;
      const name = String(AlarmName).replace("suture-", "");
      expect(known).toContain(name);
      expect(AlarmDescription).toContain(`operations.md#${name}`);
      expect(AlarmActions).toHaveLength(1);
    }
  });
});
