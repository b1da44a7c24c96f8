import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Match } from "aws-cdk-lib/assertions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { type TableDefinition, tableName, tables } from "../functions/stores/tables.ts";
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

  it("the record of changes has one writer, fed by every stream but the machines'", () => {
    const followed = Object.values<TableDefinition>(tables).filter(({ stream }) => stream).length - 1;
    prod.resourcePropertiesCountIs("AWS::Lambda::EventSourceMapping", { MaximumBatchingWindowInSeconds: 1 }, followed);
    // The fleet job follows the machines and, beside the epochs job, the states
    prod.resourcePropertiesCountIs("AWS::Lambda::EventSourceMapping", { MaximumBatchingWindowInSeconds: 20 }, 2);
    prod.resourcePropertiesCountIs("AWS::Lambda::Function", { ReservedConcurrentExecutions: 1 }, 3);
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
