import { readFileSync } from "node:fs";
import { join } from "node:path";
import { App, Stack, Validations } from "aws-cdk-lib";
import { Match } from "aws-cdk-lib/assertions";
import { Queue } from "aws-cdk-lib/aws-sqs";
import { AwsSolutionsChecks } from "cdk-nag";
import { describe, expect, it } from "vitest";
import { type TableDefinition, tableName, tables } from "../functions/stores/tables.ts";
import { readAccess } from "../test/support/access.ts";
import { synthesize } from "../test/support/templates.ts";

const template = synthesize();
const access = readAccess({
  data: template("prod", "data"),
  signing: template("prod", "signing"),
  jobs: template("prod", "jobs"),
  edge: template("prod", "edge"),
  api: template("prod", "api"),
});
const all = Object.entries(access).flatMap(([name, lines]) => lines.map((line) => `${name} ${line}`));
const who = (pattern: RegExp) => [
  ...new Set(all.filter((line) => pattern.test(line)).map((line) => line.split(" ")[0])),
];

describe("what each function may do", () => {
  it("is this and nothing more", () => {
    expect(access).toMatchInlineSnapshot(`
      {
        "AgentApi": [
          "arn::ssm:::parameter/suture/agent-url: GetParameter",
          "its own log: CreateLogStream PutLogEvents",
          "objects/bundles/*: GetObject",
          "objects/tuf/*: GetObject",
          "objects: ListBucket",
          "secrets/PlanKeys: GetSecretValue",
          "secrets/TicketKeys: GetSecretValue",
          "tables/audit: PutItem",
          "tables/changes: GetItem",
          "tables/customers: GetItem",
          "tables/enrolments: UpdateItem",
          "tables/machines: GetItem PutItem UpdateItem",
          "tables/patch-holds: Query",
          "tables/patches: Query",
          "tables/pins: Query",
          "tables/policies: Query",
          "tables/recalls: Query",
          "tables/receipts: PutItem",
          "tables/rollouts: Query",
          "tables/said: GetItem PutItem",
          "tables/seats: GetItem PutItem UpdateItem",
          "tables/states: PutItem UpdateItem",
          "tables/subscriptions: Query",
        ],
        "EpochsJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/EpochsDeadLetters: GetQueueAttributes GetQueueUrl SendMessage",
          "tables/audit: PutItem",
          "tables/changes: GetItem PutItem",
          "tables/counts: GetItem PutItem UpdateItem",
          "tables/customers: DescribeStream GetRecords GetShardIterator",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem GetItem",
          "tables/outcomes/index/watched: Query",
          "tables/outcomes: GetItem PutItem Query UpdateItem",
          "tables/patch-holds: DescribeStream GetItem GetRecords GetShardIterator PutItem",
          "tables/patches: DescribeStream GetItem GetRecords GetShardIterator Query",
          "tables/pins: DescribeStream GetRecords GetShardIterator",
          "tables/policies: DescribeStream GetRecords GetShardIterator Query",
          "tables/recalls: DescribeStream GetRecords GetShardIterator",
          "tables/repositories: DescribeStream GetRecords GetShardIterator",
          "tables/roles: DescribeStream GetRecords GetShardIterator",
          "tables/rollouts/index/running: Query",
          "tables/rollouts: DescribeStream GetItem GetRecords GetShardIterator PutItem",
          "tables/said: BatchGetItem",
          "tables/seats: DescribeStream GetRecords GetShardIterator",
          "tables/states: DescribeStream GetRecords GetShardIterator",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: DescribeStream GetRecords GetShardIterator",
        ],
        "FleetJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/EpochsDeadLetters: GetQueueAttributes GetQueueUrl SendMessage",
          "tables/changes: GetItem",
          "tables/customers: GetItem",
          "tables/fleet-counts: UpdateItem",
          "tables/fleet: BatchGetItem DeleteItem GetItem PutItem",
          "tables/machines: BatchGetItem DescribeStream GetItem GetRecords GetShardIterator Scan",
          "tables/patch-holds: Query",
          "tables/patches: GetItem Query",
          "tables/pins: Query",
          "tables/policies: Query",
          "tables/recalls: Query",
          "tables/rollouts: Query",
          "tables/said: GetItem",
          "tables/standings: DeleteItem PutItem",
          "tables/states: DescribeStream GetRecords GetShardIterator Query",
          "tables/subscriptions: Query",
        ],
        "GatesJob": [
          "its own log: CreateLogStream PutLogEvents",
          "tables/counts: GetItem PutItem UpdateItem",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem GetItem",
          "tables/outcomes/index/watched: Query",
          "tables/outcomes: GetItem PutItem Query UpdateItem",
          "tables/patch-holds: GetItem PutItem",
          "tables/patches: GetItem",
          "tables/rollouts/index/running: Query",
          "tables/rollouts: GetItem PutItem",
          "tables/said: BatchGetItem",
        ],
        "Portal": [
          "ScheduleJobFunction5540582F: InvokeFunction",
          "its own log: CreateLogStream PutLogEvents",
          "keys/Wrapping: GenerateDataKeyPairWithoutPlaintext",
          "keys/planKeys: GetPublicKey",
          "keys/recalls: GetPublicKey",
          "keys/snapshot: GetPublicKey",
          "keys/timestamp: GetPublicKey",
          "objects/bundles/*: GetObject PutObject",
          "objects/publications/*: GetObject PutObject",
          "objects/tuf/*/targets/*: GetObject PutObject",
          "objects: ListBucket",
          "queues/Publish: GetQueueAttributes SendMessage",
          "secrets/OfflinePlanKeys: GetSecretValue",
          "secrets/SessionKey: GetSecretValue",
          "tables/api-tokens/index/byTenant: Query",
          "tables/api-tokens: GetItem PutItem UpdateItem",
          "tables/audit: PutItem Query",
          "tables/changes: GetItem",
          "tables/counts: GetItem",
          "tables/customers/index/all: Query",
          "tables/customers: GetItem PutItem UpdateItem",
          "tables/enrolments/index/byCustomer: Query",
          "tables/enrolments: GetItem PutItem UpdateItem",
          "tables/fleet-counts: Query",
          "tables/fleet/index/byCondition: Query",
          "tables/fleet/index/byExposure: Query",
          "tables/fleet/index/byGroup: Query",
          "tables/fleet/index/byName: Query",
          "tables/fleet/index/bySeen: Query",
          "tables/fleet: BatchGetItem GetItem",
          "tables/idempotency: PutItem",
          "tables/identity-providers: GetItem PutItem",
          "tables/invitations: PutItem UpdateItem",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem GetItem UpdateItem",
          "tables/members/index/byUser: Query",
          "tables/members: GetItem Query UpdateItem",
          "tables/outcomes: Query",
          "tables/patch-holds: GetItem PutItem Query",
          "tables/patches/index/byVendor: Query",
          "tables/patches: GetItem Query",
          "tables/pins: DeleteItem GetItem PutItem Query",
          "tables/policies: DeleteItem GetItem PutItem Query",
          "tables/recalls: PutItem Query",
          "tables/receipts: PutItem Query",
          "tables/repositories: GetItem",
          "tables/request-counts: UpdateItem",
          "tables/roles: GetItem PutItem Query",
          "tables/rollouts: GetItem PutItem Query",
          "tables/said: BatchGetItem GetItem PutItem",
          "tables/seats: GetItem Query UpdateItem",
          "tables/standings/index/byStatus: Query",
          "tables/standings: Query",
          "tables/states/index/byCustomer: Query",
          "tables/states/index/byPatch: Query",
          "tables/states: PutItem Query UpdateItem",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: GetItem Query UpdateItem",
          "tables/support: GetItem PutItem",
          "tables/usage/index/byVendor: Query",
          "tables/usage: Query",
          "tables/vendors/index/all: Query",
          "tables/vendors: GetItem PutItem",
          "tables/views: DeleteItem GetItem PutItem Query",
        ],
        "PublishJob": [
          "its own log: CreateLogStream PutLogEvents",
          "keys/Wrapping: Decrypt",
          "keys/recalls: GetPublicKey Sign",
          "keys/snapshot: GetPublicKey Sign",
          "keys/timestamp: GetPublicKey Sign",
          "objects/tuf/*: GetObject PutObject",
          "objects: ListBucket",
          "queues/Publish: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage",
          "tables/patches: Query UpdateItem",
          "tables/recalls: Query UpdateItem",
          "tables/repositories: GetItem UpdateItem",
          "tables/roles: GetItem PutItem Query",
          "tables/vendors: GetItem",
        ],
        "ScheduleJob": [
          "its own log: CreateLogStream PutLogEvents",
          "keys/planKeys: GetPublicKey Sign",
          "objects/tuf/service/targets/plan-keys/*: PutObject",
          "queues/Publish: SendMessage",
          "secrets/OfflinePlanKeys: GetSecretValue PutSecretValue",
          "secrets/PlanKeys: GetSecretValue PutSecretValue",
          "tables/audit: GetItem PutItem",
          "tables/customers/index/all: Query",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem",
          "tables/roles: GetItem PutItem Query",
          "tables/said: BatchGetItem",
          "tables/seats: GetItem Query UpdateItem",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: Query",
          "tables/support: Query",
          "tables/usage: PutItem",
          "tables/vendors/index/all: Query",
        ],
        "VendorApi": [
          "ScheduleJobFunction5540582F: InvokeFunction",
          "its own log: CreateLogStream PutLogEvents",
          "keys/Wrapping: GenerateDataKeyPairWithoutPlaintext",
          "keys/planKeys: GetPublicKey",
          "keys/recalls: GetPublicKey",
          "keys/snapshot: GetPublicKey",
          "keys/timestamp: GetPublicKey",
          "objects/bundles/*: GetObject PutObject",
          "objects/publications/*: GetObject PutObject",
          "objects/tuf/*/targets/*: GetObject PutObject",
          "objects: ListBucket",
          "queues/Publish: SendMessage",
          "secrets/OfflinePlanKeys: GetSecretValue",
          "tables/api-tokens/index/byTenant: Query",
          "tables/api-tokens: GetItem PutItem UpdateItem",
          "tables/audit: PutItem Query",
          "tables/counts: GetItem",
          "tables/customers/index/all: Query",
          "tables/customers: GetItem PutItem UpdateItem",
          "tables/enrolments/index/byCustomer: Query",
          "tables/enrolments: GetItem PutItem UpdateItem",
          "tables/idempotency: PutItem",
          "tables/identity-providers: GetItem PutItem",
          "tables/invitations: PutItem UpdateItem",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem GetItem UpdateItem",
          "tables/members: GetItem Query UpdateItem",
          "tables/outcomes: Query",
          "tables/patch-holds: GetItem PutItem Query",
          "tables/patches/index/byVendor: Query",
          "tables/patches: GetItem Query",
          "tables/pins: DeleteItem GetItem PutItem Query",
          "tables/policies: DeleteItem GetItem PutItem Query",
          "tables/recalls: PutItem Query",
          "tables/receipts: PutItem Query",
          "tables/request-counts: UpdateItem",
          "tables/roles: GetItem PutItem Query",
          "tables/rollouts: GetItem PutItem Query",
          "tables/said: BatchGetItem GetItem PutItem",
          "tables/seats: GetItem Query UpdateItem",
          "tables/states/index/byCustomer: Query",
          "tables/states/index/byPatch: Query",
          "tables/states: PutItem Query UpdateItem",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: GetItem Query UpdateItem",
          "tables/support: GetItem PutItem",
          "tables/usage/index/byVendor: Query",
          "tables/usage: Query",
          "tables/vendors/index/all: Query",
          "tables/vendors: GetItem PutItem",
          "tables/views: DeleteItem GetItem PutItem Query",
        ],
      }
    `);
  });

  it("only the publish job and the schedule sign, each with keys of its own", () => {
    expect(all.filter((line) => /Sign\b/.test(line))).toEqual([
      "PublishJob keys/recalls: GetPublicKey Sign",
      "PublishJob keys/snapshot: GetPublicKey Sign",
      "PublishJob keys/timestamp: GetPublicKey Sign",
      "ScheduleJob keys/planKeys: GetPublicKey Sign",
    ]);
    expect(who(/: .*Decrypt/)).toEqual(["PublishJob"]);
  });

  it("a vendor's key is opened only with the vendor and the role as its context", () => {
    template("prod", "jobs").hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: "kms:Decrypt",
            Condition: {
              "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": ["vendor", "role"] },
              Null: { "kms:EncryptionContextKeys": "false" },
            },
          }),
        ]),
      },
    });
  });

  it("the schedule writes roles of the service's own repository alone", () => {
    template("prod", "jobs").hasResourceProperties("AWS::IAM::Policy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ["dynamodb:GetItem", "dynamodb:PutItem"],
            Condition: { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": ["service"] } },
          }),
        ]),
      },
    });
  });

  it("the portal may change what vendor-api may, which answers it, and agent-api puts no object", () => {
    const changes = (name: string) =>
      access[name]
        ?.filter((line) => /Put(?:Item|Object)|Update|Delete|Send/.test(line))
        .map((line) => line.replace("GetQueueAttributes ", ""));
    expect(changes("Portal")).toEqual(changes("VendorApi"));
    expect(access.AgentApi?.filter((line) => /PutObject|Send|Sign|keys\//.test(line))).toEqual([]);
  });

  it("nobody deletes or takes a whole service, but a customer's own policies, pins and views, and what an index no longer says; one job scans, to find what is silent", () => {
    const own =
      /^(?:VendorApi|Portal) tables\/(?:policies|pins|views): |^FleetJob tables\/(?:standings|fleet|machines): /;
    const bold = all.filter((line) => /: .*(?:Delete(?!Message)|Scan|BatchWrite|Bypass|\*)/.test(line));
    expect(bold.filter((line) => !own.test(line))).toEqual([]);
  });

  it("each table is written by the functions that its store names", () => {
    const writers = (table: string) => who(new RegExp(`tables/${table}: .*(?:PutItem|UpdateItem)`));
    expect(writers("changes")).toEqual(["EpochsJob"]);
    expect(writers("repositories")).toEqual(["PublishJob"]);
    expect(writers("machines")).toEqual(["AgentApi", "VendorApi", "Portal"]);
    expect(new Set(writers("receipts"))).toEqual(new Set(["AgentApi", "Portal", "VendorApi"]));
    expect(writers("patches")).toEqual(["PublishJob"]);
    expect(writers("vendors")).toEqual(["VendorApi", "Portal"]);
    expect(new Set(writers("roles"))).toEqual(new Set(["PublishJob", "ScheduleJob", "Portal", "VendorApi"]));
  });

  it("the bucket refuses that anybody deletes a bundle or a root", () => {
    template("prod", "data").hasResourceProperties("AWS::S3::BucketPolicy", {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Effect: "Deny",
            Principal: { AWS: "*" },
            Action: ["s3:BypassGovernanceRetention", "s3:DeleteObject", "s3:DeleteObjectVersion"],
          }),
        ]),
      },
    });
  });
});

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
      const { partition, sort, indexes = {}, stream, ttl } = table;
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
