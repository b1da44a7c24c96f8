import { CfnOutput, Duration, Stack } from "aws-cdk-lib";
import { HttpRoute, HttpRouteKey } from "aws-cdk-lib/aws-apigatewayv2";
import { HttpLambdaIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import { FunctionUrlAuthType } from "aws-cdk-lib/aws-lambda";
import { StringParameter } from "aws-cdk-lib/aws-ssm";
import type { Construct } from "constructs";
import { acknowledge } from "../acknowledge.ts";
import type { FunctionName } from "../bundles.ts";
import { ServiceFunction } from "../constructs/service-function.ts";
import type { StageConfig } from "../stage.ts";
import type { DataStack } from "./data.ts";
import type { EdgeStack } from "./edge.ts";
import type { IdentityStack } from "./identity.ts";
import type { JobsStack } from "./jobs.ts";
import type { SigningStack } from "./signing.ts";

type Props = {
  data: DataStack;
  signing: SigningStack;
  jobs: JobsStack;
  edge: EdgeStack;
  identity: IdentityStack;
  stage: StageConfig;
  code: Readonly<Record<FunctionName, string>>;
};

/** Where agent-api finds its function URL, which it puts into each plan. */
const agentUrlParameter = "/suture/agent-url";

/** What others wait for: the agents' API on a function URL with a cap, vendor-api and the portal behind the HTTP API. */
export class ApiStack extends Stack {
  readonly functions: Readonly<Record<"agent-api" | "vendor-api" | "portal", ServiceFunction>>;

  constructor(scope: Construct, id: string, props: Props) {
    super(scope, id);
    this.functions = {
      "agent-api": this.#agentApi(props),
      "vendor-api": this.#vendorApi(props),
      portal: this.#portal(props),
    };
    const { edge } = props;
    this.#route(edge, "/v1/agent/{proxy+}", this.functions["agent-api"]);
    this.#route(edge, "/v1/{proxy+}", this.functions["vendor-api"]);
    this.#route(edge, "/openapi.json", this.functions["vendor-api"]);
    this.#route(edge, undefined, this.functions.portal);
    new CfnOutput(this, "ServiceUrl", { value: edge.publicUrl });
  }

  #agentApi({ data, edge, stage, code }: Props): ServiceFunction {
    const agent = new ServiceFunction(this, "AgentApi", {
      code: code["agent-api"],
      memoryMb: 256,
      timeout: Duration.seconds(15),
      environment: {
        SUTURE_PUBLIC_URL: edge.publicUrl,
        SUTURE_BUCKET_URL: `https://${data.bucket.domainName}`,
        SUTURE_TICKET_SECRET: data.secrets.tickets.secretArn,
        SUTURE_PLAN_KEYS_SECRET: data.secrets.planKeys.secretArn,
        SUTURE_POLL_SECONDS: String(stage.pollSeconds),
        SUTURE_EDGE_KEY: data.edgeKey,
        SUTURE_AGENT_URL_PARAMETER: agentUrlParameter,
      },
      reservedConcurrency: stage.agentConcurrency,
    })
      .mayUseTable(data.tables.changes, ["GetItem"])
      .mayUseTable(data.tables.machines, ["GetItem", "PutItem", "UpdateItem"])
      .mayUseTable(data.tables.said, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.audit, ["PutItem"])
      .mayUseTable(data.tables.enrolments, ["GetItem", "PutItem", "UpdateItem"])
      .mayUseTable(data.tables.receipts, ["PutItem"])
      .mayUseTable(data.tables.states, ["PutItem", "UpdateItem"])
      .mayUseTable(data.tables.customers, ["GetItem"])
      .mayUseTable(data.tables.subscriptions, ["Query"])
      .mayUseTable(data.tables.patches, ["Query"])
      .mayUseTable(data.tables.policies, ["Query"])
      .mayUseTable(data.tables.pins, ["Query"])
      .mayUseTable(data.tables.rollouts, ["Query"])
      .mayUseTable(data.tables.patchHolds, ["Query"])
      .mayUseTable(data.tables.recalls, ["Query"])
      .mayUseTable(data.tables.seats, ["GetItem", "PutItem", "UpdateItem"])
      .mayUseObjects(data.bucket, "read", ["bundles/*", "tuf/*"])
      .mayMissObjects(data.bucket)
      .mayUseSecret(data.secrets.tickets, "read")
      .mayUseSecret(data.secrets.planKeys, "read")
      .mayReadParameter(agentUrlParameter);
    const { url } = agent.lambda.addFunctionUrl({ authType: FunctionUrlAuthType.NONE });
    // By a parameter, since a function cannot be told its own address when it is made
    new StringParameter(this, "AgentUrlParameter", { parameterName: agentUrlParameter, stringValue: url });
    new CfnOutput(this, "AgentUrl", { value: url });
    return agent;
  }

  #vendorApi(props: Props): ServiceFunction {
    return this.#answering(props, "VendorApi", { code: props.code["vendor-api"], environment: {} });
  }

  #portal(props: Props): ServiceFunction {
    const { data, jobs, code, edge, identity } = props;
    const environment = {
      SUTURE_SESSION_SECRET: data.secrets.sessions.secretArn,
      SUTURE_PUBLIC_URL: edge.publicUrl,
      SUTURE_OIDC_ISSUER: identity.issuer,
      SUTURE_OIDC_CLIENT_ID: identity.clientId,
    };
    return this.#answering(props, "Portal", { code: code.portal, environment })
      .mayUseTable(data.tables.states, ["Query"])
      .mayUseTable(data.tables.members, [], ["byUser"])
      .mayUseTable(
        data.tables.fleet,
        ["GetItem", "BatchGetItem"],
        ["byName", "bySeen", "byCondition", "byExposure", "byGroup"],
      )
      .mayUseTable(data.tables.standings, ["Query"], ["byStatus"])
      .mayUseTable(data.tables.fleetCounts, ["Query"])
      .mayUseTable(data.tables.changes, ["GetItem"])
      .mayUseTable(data.tables.repositories, ["GetItem"])
      .mayMeasure(jobs.queue.queueArn)
      .mayUseSecret(data.secrets.sessions, "read");
  }

  /** A function that has vendor-api in it: the portal's pages ask it in their own process, so that its rules stand once. */
  #answering(
    { data, signing, jobs }: Props,
    id: string,
    { code, environment }: { code: string; environment: Readonly<Record<string, string>> },
  ): ServiceFunction {
    return new ServiceFunction(this, id, {
      code,
      memoryMb: 512,
      timeout: Duration.seconds(29),
      environment: {
        ...environment,
        SUTURE_BUCKET: data.bucket.name,
        SUTURE_EDGE_KEY: data.edgeKey,
        SUTURE_WRAPPING_KEY: signing.wrapping.keyArn,
        SUTURE_PUBLISH_QUEUE_URL: jobs.queue.queueUrl,
        SUTURE_SCHEDULE_FUNCTION: jobs.functions.schedule.lambda.functionName,
        SUTURE_SNAPSHOT_KEY: signing.service.snapshot.keyArn,
        SUTURE_TIMESTAMP_KEY: signing.service.timestamp.keyArn,
        SUTURE_PLAN_KEYS_KEY: signing.service.planKeys.keyArn,
        SUTURE_RECALLS_KEY: signing.service.recalls.keyArn,
        SUTURE_OFFLINE_PLAN_KEYS_SECRET: data.secrets.offlinePlanKeys.secretArn,
      },
    })
      .mayUseTable(data.tables.vendors, ["GetItem", "PutItem"], ["all"])
      .mayUseTable(data.tables.roles, ["GetItem", "PutItem", "Query"])
      .mayUseTable(data.tables.patches, ["GetItem", "Query"], ["byVendor"])
      .mayUseTable(data.tables.customers, ["GetItem", "PutItem", "UpdateItem"], ["all"])
      .mayUseTable(data.tables.subscriptions, ["GetItem", "Query", "UpdateItem"], ["byVendor"])
      .mayUseTable(data.tables.apiTokens, ["GetItem", "PutItem", "UpdateItem"], ["byTenant"])
      .mayUseTable(data.tables.enrolments, ["GetItem", "PutItem", "UpdateItem"], ["byCustomer"])
      .mayUseTable(data.tables.machines, ["GetItem", "BatchGetItem", "UpdateItem"], ["byCustomer"])
      .mayUseTable(data.tables.said, ["GetItem", "BatchGetItem", "PutItem"])
      .mayUseTable(data.tables.states, ["PutItem", "Query", "UpdateItem"], ["byPatch", "byCustomer"])
      .mayUseTable(data.tables.receipts, ["PutItem", "Query"])
      .mayUseSecret(data.secrets.offlinePlanKeys, "read")
      .mayUseTable(data.tables.policies, ["GetItem", "PutItem", "DeleteItem", "Query"])
      .mayUseTable(data.tables.pins, ["GetItem", "PutItem", "DeleteItem", "Query"])
      .mayUseTable(data.tables.views, ["GetItem", "PutItem", "DeleteItem", "Query"])
      .mayUseTable(data.tables.rollouts, ["GetItem", "PutItem", "Query"])
      .mayUseTable(data.tables.progress, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.outcomes, ["Query"])
      .mayUseTable(data.tables.counts, ["GetItem"])
      .mayUseTable(data.tables.patchHolds, ["GetItem", "PutItem", "Query"])
      .mayUseTable(data.tables.recalls, ["PutItem", "Query"])
      .mayUseTable(data.tables.audit, ["PutItem", "Query"])
      .mayUseTable(data.tables.idempotency, ["BatchGetItem", "PutItem"])
      .mayUseTable(data.tables.identityProviders, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.invitations, ["PutItem", "UpdateItem"])
      .mayUseTable(data.tables.members, ["GetItem", "Query", "UpdateItem"])
      .mayUseTable(data.tables.requestCounts, ["UpdateItem"])
      .mayUseTable(data.tables.seats, ["GetItem", "Query", "UpdateItem"])
      .mayUseTable(data.tables.support, ["GetItem", "PutItem"])
      .mayUseTable(data.tables.usage, ["Query"], ["byVendor"])
      .mayUseObjects(data.bucket, "read", ["tuf/*.root.json", "tuf/*/targets/*", "bundles/*", "publications/*"])
      .mayUseObjects(data.bucket, "put", ["tuf/*/targets/*", "bundles/*", "publications/*"])
      .mayMissObjects(data.bucket)
      .mayUseKey(signing.wrapping, ["GenerateDataKeyPairWithoutPlaintext"], ["vendor", "role"])
      .mayReadKeys(Object.values(signing.service))
      .mayInvoke(jobs.functions.schedule)
      .maySend(jobs.queue.queueArn);
  }

  /** Sends a path to a function; `undefined` stands for what no other route takes. */
  #route({ api }: EdgeStack, path: string | undefined, target: ServiceFunction): void {
    const name = path?.replaceAll(/\W+/g, "-") ?? "-rest";
    const route = new HttpRoute(this, `Route${name}`, {
      httpApi: api,
      routeKey: path === undefined ? HttpRouteKey.DEFAULT : HttpRouteKey.with(path),
      integration: new HttpLambdaIntegration(`Integration${name}`, target.lambda),
    });
    acknowledge(route, "AwsSolutions-APIG4", "Who may do what is checked in one place, functions/vendor-api/auth.ts");
  }
}
