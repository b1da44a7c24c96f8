import { Match } from "aws-cdk-lib/assertions";
import { describe, expect, it } from "vitest";
import { readAccess } from "../test/support/access.ts";
import { bundledTables, functionIds, functionNames } from "../test/support/bundled-tables.ts";
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
    const { Portal = [], VendorApi = [] } = access;
    const portal = {
      "beside what VendorApi may": Portal.filter((line) => !VendorApi.includes(line)),
      "of what VendorApi may, not": VendorApi.filter((line) => !Portal.includes(line)),
    };
    expect({ ...access, Portal: portal }).toMatchInlineSnapshot(`
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
          "tables/enrolments: GetItem PutItem UpdateItem",
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
        "AuditJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/AuditRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/audit: PutItem",
          "tables/patch-holds: DescribeStream GetRecords GetShardIterator",
          "tables/repositories: DescribeStream GetRecords GetShardIterator",
          "tables/roles: DescribeStream GetRecords GetShardIterator",
          "tables/rollouts: DescribeStream GetRecords GetShardIterator",
          "tables/seats: DescribeStream GetRecords GetShardIterator",
        ],
        "EpochsJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/EpochsRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/changes: GetItem PutItem",
          "tables/customers: DescribeStream GetRecords GetShardIterator",
          "tables/patch-holds: DescribeStream GetRecords GetShardIterator",
          "tables/patches: DescribeStream GetRecords GetShardIterator",
          "tables/pins: DescribeStream GetRecords GetShardIterator",
          "tables/policies: DescribeStream GetRecords GetShardIterator",
          "tables/recalls: DescribeStream GetRecords GetShardIterator",
          "tables/rollouts: DescribeStream GetRecords GetShardIterator",
          "tables/subscriptions: DescribeStream GetRecords GetShardIterator",
        ],
        "FleetJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/FleetRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/changes: GetItem",
          "tables/customers: GetItem",
          "tables/fleet-counts: UpdateItem",
          "tables/fleet: BatchGetItem DeleteItem GetItem PutItem",
          "tables/machines: BatchGetItem DescribeStream GetItem GetRecords GetShardIterator",
          "tables/patch-holds: Query",
          "tables/patches: GetItem Query",
          "tables/pins: Query",
          "tables/policies: Query",
          "tables/recalls: Query",
          "tables/rollouts: Query",
          "tables/said: GetItem",
          "tables/standings: DeleteItem PutItem",
          "tables/states: DeleteItem DescribeStream GetRecords GetShardIterator Query",
          "tables/subscriptions: Query",
        ],
        "GatesJob": [
          "its own log: CreateLogStream PutLogEvents",
          "tables/counts: BatchGetItem GetItem PutItem UpdateItem",
          "tables/machines: GetItem",
          "tables/outcomes/index/watched: Query",
          "tables/outcomes: PutItem",
          "tables/patch-holds: GetItem PutItem",
          "tables/progress: GetItem PutItem",
          "tables/rollouts/index/running: Query",
          "tables/rollouts: GetItem PutItem",
          "tables/said: GetItem",
        ],
        "JudgementsJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/JudgementsRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/counts: BatchGetItem DescribeStream GetItem GetRecords GetShardIterator",
          "tables/outcomes: GetItem",
          "tables/patch-holds: GetItem PutItem",
          "tables/rollouts: GetItem PutItem",
        ],
        "OutcomesJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/OutcomesRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/counts: UpdateItem",
          "tables/outcomes: GetItem PutItem",
          "tables/rollouts: GetItem",
          "tables/states: DescribeStream GetRecords GetShardIterator",
        ],
        "Portal": {
          "beside what VendorApi may": [
            "queues/Publish: GetQueueAttributes SendMessage",
            "secrets/SessionKey: GetSecretValue",
            "tables/changes: GetItem",
            "tables/fleet-counts: Query",
            "tables/fleet/index/byCondition: Query",
            "tables/fleet/index/byExposure: Query",
            "tables/fleet/index/byGroup: Query",
            "tables/fleet/index/byName: Query",
            "tables/fleet/index/bySeen: Query",
            "tables/fleet: BatchGetItem GetItem",
            "tables/members/index/byUser: Query",
            "tables/repositories: GetItem",
            "tables/standings/index/byStatus: Query",
            "tables/standings: Query",
          ],
          "of what VendorApi may, not": [
            "queues/Publish: SendMessage",
          ],
        },
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
        "RolloutsJob": [
          "*: ListStreams",
          "its own log: CreateLogStream PutLogEvents",
          "queues/RolloutsRetries: ChangeMessageVisibility DeleteMessage GetQueueAttributes GetQueueUrl ReceiveMessage SendMessage",
          "tables/audit: PutItem",
          "tables/patches: DescribeStream GetItem GetRecords GetShardIterator Query",
          "tables/policies: Query",
          "tables/rollouts: GetItem PutItem",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: DescribeStream GetRecords GetShardIterator",
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
          "tables/progress: GetItem PutItem",
          "tables/roles: GetItem PutItem Query",
          "tables/said: BatchGetItem",
          "tables/seats: GetItem Query UpdateItem",
          "tables/subscriptions/index/byVendor: Query",
          "tables/subscriptions: Query",
          "tables/support: Query",
          "tables/usage: PutItem",
          "tables/vendors/index/all: Query",
        ],
        "SweepsJob": [
          "its own log: CreateLogStream PutLogEvents",
          "tables/changes: GetItem",
          "tables/customers: GetItem",
          "tables/fleet-counts: UpdateItem",
          "tables/fleet: BatchGetItem DeleteItem GetItem PutItem",
          "tables/machines/index/byCustomer: Query",
          "tables/machines: BatchGetItem GetItem Scan",
          "tables/patch-holds: Query",
          "tables/patches: GetItem Query",
          "tables/pins: Query",
          "tables/policies: Query",
          "tables/progress: GetItem PutItem",
          "tables/recalls: Query",
          "tables/rollouts/index/running: Query",
          "tables/rollouts: GetItem PutItem Query",
          "tables/said: BatchGetItem GetItem",
          "tables/standings: DeleteItem PutItem",
          "tables/states: DeleteItem Query",
          "tables/subscriptions: Query",
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
          "objects/tuf/*.root.json: GetObject",
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
          "tables/idempotency: BatchGetItem PutItem",
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
          "tables/progress: GetItem PutItem",
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

  it.each(functionNames)("%s may use the tables of the stores that are in its bundle, and no others", async (name) => {
    const lines = access[functionIds[name]] ?? [];
    const granted = (operations: RegExp) =>
      lines.flatMap((line) => {
        const [, table = "", done = ""] = /^tables\/([\w-]+)(?:\/index\/\w+)?: (.*)/.exec(line) ?? [];
        return operations.test(done) ? [table] : [];
      });
    const bundled = await bundledTables(name);
    // What a stream brings along is read without the table
    const followed = granted(/GetRecords/).filter((table) => bundled.includes(table));
    expect([...new Set([...granted(/Item|Query|Scan/), ...followed])].sort()).toEqual(bundled);
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

  it("nobody deletes or takes a whole service, but a customer's own policies, pins and views, what an index no longer says, and what is known of a machine that is forgotten; one job scans, to find what is silent", () => {
    const own =
      /^(?:VendorApi|Portal) tables\/(?:policies|pins|views): |^(?:FleetJob|SweepsJob) tables\/(?:standings|fleet|machines|states): /;
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
