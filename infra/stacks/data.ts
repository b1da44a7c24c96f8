import { Aws, Duration, SecretValue, Stack } from "aws-cdk-lib";
import {
  AttributeType,
  BillingMode,
  ProjectionType,
  StreamViewType,
  Table,
  TableClass,
} from "aws-cdk-lib/aws-dynamodb";
import { AnyPrincipal, Effect, PolicyStatement, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type IBucket,
  ObjectLockRetention,
  ObjectOwnership,
} from "aws-cdk-lib/aws-s3";
import { Secret } from "aws-cdk-lib/aws-secretsmanager";
import type { Construct } from "constructs";
import { type TableDefinition, tableName, tables } from "../../functions/stores/tables.ts";
import { acknowledge } from "../acknowledge.ts";
import type { StageConfig } from "../stage.ts";

type TableKey = keyof typeof tables;

/** The bucket by its name, which is known before it exists: what may be done in it can be read in every template. */
export type ObjectsBucket = { name: string; arn: string; domainName: string };

/** Everything that must survive: tables, the bucket with metadata and bundles, and the secrets that functions share. */
export class DataStack extends Stack {
  readonly tables: Readonly<Record<TableKey, Table>>;
  readonly bucket: ObjectsBucket;
  /** what the CDN sends to what stands behind it; a reference that CloudFormation resolves, so it is in no template */
  readonly edgeKey: string;
  readonly secrets: Readonly<Record<"tickets" | "sessions" | "edge" | "planKeys" | "offlinePlanKeys", Secret>>;

  constructor(scope: Construct, id: string, stage: StageConfig) {
    super(scope, id);
    const keys = Object.keys(tables) as TableKey[];
    this.tables = Object.fromEntries(keys.map((key) => [key, this.#table(tables[key], stage)])) as Record<
      TableKey,
      Table
    >;
    this.bucket = this.#bucket(stage);
    this.secrets = this.#secrets(stage);
    this.edgeKey = this.secrets.edge.secretValue.unsafeUnwrap();
  }

  #table(definition: TableDefinition, { removal, name }: StageConfig): Table {
    const string = (attribute: string) => ({ name: attribute, type: AttributeType.STRING });
    const { partition, sort, numericSort, indexes = {}, stream, seldomRead, ttl } = definition;
    const sortKey = sort !== undefined && {
      name: sort,
      type: numericSort ? AttributeType.NUMBER : AttributeType.STRING,
    };
    const table = new Table(this, definition.name, {
      tableName: tableName(definition),
      partitionKey: string(partition),
      ...(sortKey && { sortKey }),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: name === "prod",
      removalPolicy: removal,
      ...(seldomRead && { tableClass: TableClass.STANDARD_INFREQUENT_ACCESS }),
      ...(stream && { stream: StreamViewType.NEW_AND_OLD_IMAGES }),
      ...(ttl !== undefined && { timeToLiveAttribute: ttl }),
    });
    for (const [indexName, index] of Object.entries(indexes)) {
      table.addGlobalSecondaryIndex({
        indexName,
        partitionKey: string(index.partition),
        sortKey: string(index.sort),
        ...projectionOf(index.carries),
      });
    }
    return table;
  }

  #bucket({ name, removal }: StageConfig): ObjectsBucket {
    const bucketName = `suture-${name}-objects-${Aws.ACCOUNT_ID}`;
    const closed = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: removal,
    };
    const accessLogs = new Bucket(this, "AccessLogs", {
      ...closed,
      objectOwnership: ObjectOwnership.OBJECT_WRITER,
      lifecycleRules: [{ expiration: Duration.days(90) }],
    });
    acknowledge(accessLogs, "AwsSolutions-S1", "It is where the other bucket's access is logged");
    const bucket = new Bucket(this, "Objects", {
      bucketName,
      ...closed,
      versioned: true,
      // A locked bucket outlives its stack, so only what must survive is locked
      ...(name === "prod" && {
        objectLockEnabled: true,
        objectLockDefaultRetention: ObjectLockRetention.governance(Duration.days(30)),
      }),
      // CDK's own types do not agree under exactOptionalPropertyTypes
      serverAccessLogsBucket: accessLogs as IBucket,
      serverAccessLogsPrefix: "objects/",
      lifecycleRules: [
        {
          noncurrentVersionExpiration: Duration.days(90),
          abortIncompleteMultipartUploadAfter: Duration.days(1),
        },
      ],
    });
    bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: "NobodyDeletes",
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
        resources: [bucket.arnForObjects("bundles/*"), bucket.arnForObjects("tuf/*/*.root.json")],
      }),
    );
    // It may list them too, so that a root that is not there yet is 404 and not 403
    const cdn = {
      principals: [new ServicePrincipal("cloudfront.amazonaws.com")],
      conditions: { StringEquals: { "AWS:SourceAccount": this.account } },
    };
    bucket.addToResourcePolicy(
      new PolicyStatement({ ...cdn, actions: ["s3:GetObject"], resources: [bucket.arnForObjects("tuf/*")] }),
    );
    bucket.addToResourcePolicy(
      new PolicyStatement({ ...cdn, actions: ["s3:ListBucket"], resources: [bucket.bucketArn] }),
    );
    return {
      name: bucketName,
      arn: `arn:${Aws.PARTITION}:s3:::${bucketName}`,
      domainName: `${bucketName}.s3.${Aws.REGION}.amazonaws.com`,
    };
  }

  #secrets({ removal }: StageConfig) {
    // 43 letters and digits are base64url of 32 bytes
    const random = { passwordLength: 43, excludePunctuation: true };
    const make = (id: string, props: object) => {
      const secret = new Secret(this, id, { removalPolicy: removal, ...props });
      acknowledge(secret, "AwsSolutions-SMG4", "Changed as docs/operations.md says; plan keys by the hourly job");
      return secret;
    };
    return {
      tickets: make("TicketKeys", { generateSecretString: random }),
      sessions: make("SessionKey", { generateSecretString: random }),
      // in the function's environment as well: it only tells viewers behind our CDN apart
      edge: make("EdgeKey", { generateSecretString: random }),
      // Empty at first, so nothing secret is in the template; the hourly job fills it
      offlinePlanKeys: make("OfflinePlanKeys", { secretStringValue: SecretValue.unsafePlainText("[]") }),
      planKeys: make("PlanKeys", { secretStringValue: SecretValue.unsafePlainText("[]") }),
    };
  }
}

function projectionOf(carries: readonly string[] | undefined) {
  if (carries === undefined) return {};
  if (carries.length === 0) return { projectionType: ProjectionType.KEYS_ONLY };
  return { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...carries] };
}
