import { Aws, type Duration, RemovalPolicy } from "aws-cdk-lib";
import type { Table } from "aws-cdk-lib/aws-dynamodb";
import { PolicyStatement, type PolicyStatementProps, Role, ServicePrincipal } from "aws-cdk-lib/aws-iam";
import type { Key } from "aws-cdk-lib/aws-kms";
import {
  ApplicationLogLevel,
  Architecture,
  Code,
  Function as LambdaFunction,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from "aws-cdk-lib/aws-lambda";
import { LogGroup, RetentionDays } from "aws-cdk-lib/aws-logs";
import type { Secret } from "aws-cdk-lib/aws-secretsmanager";
import { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import type { ObjectsBucket } from "../stacks/data.ts";

export type ServiceFunctionProps = {
  /** the folder that `bundle` made */
  code: string;
  environment: Readonly<Record<string, string>>;
  memoryMb: number;
  timeout: Duration;
  reservedConcurrency?: number;
};

/**
 * One of the service's functions, with a role that can do nothing until a `may…` method says so. The statements are written out, not
 * granted by CDK's shorthands, which give more than is used.
 */
export class ServiceFunction extends Construct {
  readonly lambda: LambdaFunction;

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    super(scope, id);
    const logs = new LogGroup(this, "Logs", {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new Role(this, "Role", { assumedBy: new ServicePrincipal("lambda.amazonaws.com") });
    this.lambda = new LambdaFunction(this, "Function", {
      code: Code.fromAsset(props.code),
      handler: "index.handler",
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMb,
      timeout: props.timeout,
      role,
      logGroup: logs,
      environment: { ...props.environment, NODE_OPTIONS: "--enable-source-maps" },
      // The platform's own lines for each request would cost more than the requests
      loggingFormat: LoggingFormat.JSON,
      systemLogLevelV2: SystemLogLevel.WARN,
      applicationLogLevelV2: ApplicationLogLevel.WARN,
      ...(props.reservedConcurrency !== undefined && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    this.#allow({ actions: ["logs:CreateLogStream", "logs:PutLogEvents"], resources: [logs.logGroupArn] });
  }

  /** Lets it use these operations of a table and of those of its indexes that are named. */
  mayUseTable(table: Table, operations: readonly string[], indexes: readonly string[] = []): this {
    const actions = operations.map((operation) => `dynamodb:${operation}`);
    if (actions.length > 0) this.#allow({ actions, resources: [table.tableArn] });
    if (indexes.length > 0) {
      const resources = indexes.map((index) => `${table.tableArn}/index/${index}`);
      this.#allow({ actions: ["dynamodb:Query"], resources });
    }
    return this;
  }

  /** Lets it use these operations on the rows of one partition of a table. */
  mayUseRows(table: Table, partition: string, operations: readonly string[]): this {
    this.#allow({
      actions: operations.map((operation) => `dynamodb:${operation}`),
      resources: [table.tableArn],
      conditions: { "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": [partition] } },
    });
    return this;
  }

  /** Lets it read, or put, objects whose keys fit one of the patterns. Nothing ever lets it delete one. */
  mayUseObjects(bucket: ObjectsBucket, access: "read" | "put", patterns: readonly string[]): this {
    const action = access === "read" ? "s3:GetObject" : "s3:PutObject";
    const resources = patterns.map((pattern) => `${bucket.arn}/${pattern}`);
    this.#allow({ actions: [action], resources });
    for (const resource of resources) {
      const shown = resource.replace(Aws.PARTITION, "<AWS::Partition>").replace(Aws.ACCOUNT_ID, "<AWS::AccountId>");
      const reason = "Objects are named by what they hold; the prefix is what is granted";
      acknowledge(this, `AwsSolutions-IAM5[Resource::${shown}]`, reason);
    }
    return this;
  }

  /** Lets it see that an object is missing; S3 says 403 to whoever may not list. */
  mayMissObjects(bucket: ObjectsBucket): this {
    this.#allow({ actions: ["s3:ListBucket"], resources: [bucket.arn] });
    return this;
  }

  /** Lets it use a key for these operations, where `context` is named only with an encryption context of those names. */
  mayUseKey(key: Key, operations: readonly string[], context: readonly string[] = []): this {
    this.#allow({
      actions: operations.map((operation) => `kms:${operation}`),
      resources: [key.keyArn],
      ...(context.length > 0 && {
        conditions: {
          "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": [...context] },
          Null: { "kms:EncryptionContextKeys": "false" },
        },
      }),
    });
    return this;
  }

  /** Lets it read the public halves of keys. */
  mayReadKeys(keys: readonly Key[]): this {
    this.#allow({ actions: ["kms:GetPublicKey"], resources: keys.map(({ keyArn }) => keyArn) });
    return this;
  }

  /** Lets it read a secret, or read and replace it. */
  mayUseSecret(secret: Secret, access: "read" | "write"): this {
    const actions = ["secretsmanager:GetSecretValue", ...(access === "write" ? ["secretsmanager:PutSecretValue"] : [])];
    this.#allow({ actions, resources: [secret.secretArn] });
    return this;
  }

  /** Lets it read one parameter, by its name, which begins with a slash. */
  mayReadParameter(name: string): this {
    const resource = `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${name}`;
    this.#allow({ actions: ["ssm:GetParameter"], resources: [resource] });
    return this;
  }

  /** Lets it have another function run. */
  mayInvoke({ lambda }: ServiceFunction): this {
    this.#allow({ actions: ["lambda:InvokeFunction"], resources: [lambda.functionArn] });
    return this;
  }

  /** Lets it send to a queue. */
  maySend(queueArn: string): this {
    this.#allow({ actions: ["sqs:SendMessage"], resources: [queueArn] });
    return this;
  }

  /** Lets it see how much waits in a queue. */
  mayMeasure(queueArn: string): this {
    this.#allow({ actions: ["sqs:GetQueueAttributes"], resources: [queueArn] });
    return this;
  }

  #allow(statement: PolicyStatementProps): void {
    this.lambda.addToRolePolicy(new PolicyStatement(statement));
  }
}
