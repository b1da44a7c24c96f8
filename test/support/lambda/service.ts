import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateKeyCommand, type CreateKeyCommandInput, KMSClient } from "@aws-sdk/client-kms";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { consumerNames, consumers } from "../../../functions/jobs/consumers.ts";
import { dynamoSdk } from "../../../functions/stores/dynamo-sdk.ts";
import { bundleAll, type FunctionName } from "../../../infra/bundles.ts";
import { issueOperatorToken } from "../../../infra/ceremony/ceremony.ts";
import { startDynamo } from "../../../infra/local/dynamodb.ts";
import { listen } from "../../../infra/local/listen.ts";
import { openStores } from "../../../infra/local/stores.ts";
import { followStreams } from "../../../infra/local/streams.ts";
import { goaws, localKms, startPeer, versityS3 } from "../peers.ts";
import { toEvent, toResponse } from "./event.ts";
import { type Instance, startInstance } from "./instance.ts";
import { startRoles } from "./roles.ts";
import { startSecrets } from "./secrets.ts";

const bucket = "suture";
const secret = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64url");

export type LambdaService = Awaited<ReturnType<typeof startLambdaService>>;

/**
 * The service as AWS runs it: each bundle under Lambda's runtime client, behind the paths that the edge has; a real S3 server, SQS
 * and KMS that nobody here wrote; the embedded database with its streams, behind the roles of production.
 */
export async function startLambdaService(folder: string) {
  const code = await bundleAll(join(folder, "lambda"));
  const [dynamo, s3, kms, sqs, listener, functionUrl] = await Promise.all([
    startDynamo(),
    startPeer(versityS3),
    startPeer(localKms),
    startPeer(goaws),
    listen(0),
    listen(0),
  ]);
  await new S3Client({ ...s3, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: bucket }));
  const createKey = async (spec: CreateKeyCommandInput) =>
    (await new KMSClient(kms).send(new CreateKeyCommand(spec))).KeyMetadata?.KeyId ?? "";
  const signing = () => createKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const values = new Map([
    ["tickets", secret()],
    ["sessions", secret()],
    ["plan-keys", "[]"],
    ["offline-plan-keys", "[]"],
    ["/suture/agent-url", functionUrl.url],
  ]);
  const secrets = await startSecrets(values);
  const queue = await callSqs(sqs.endpoint, "CreateQueue", {
    QueueName: "publish.fifo",
    Attributes: { FifoQueue: "true" },
  });
  const retries = await callSqs(sqs.endpoint, "CreateQueue", { QueueName: "retries" });
  const environment = {
    SUTURE_RETRIES_QUEUE_URL: retries.QueueUrl ?? "",
    AWS_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ENDPOINT_URL_KMS: kms.endpoint,
    AWS_ENDPOINT_URL_SQS: sqs.endpoint,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    AWS_ENDPOINT_URL_SSM: secrets.endpoint,
    SUTURE_AGENT_URL_PARAMETER: "/suture/agent-url",
    SUTURE_PUBLIC_URL: listener.url,
    SUTURE_BUCKET: bucket,
    SUTURE_BUCKET_URL: `${s3.endpoint}/${bucket}`,
    SUTURE_TICKET_SECRET: "tickets",
    SUTURE_SESSION_SECRET: "sessions",
    SUTURE_OIDC_ISSUER: "https://id.example.com",
    SUTURE_OIDC_CLIENT_ID: "portal",
    SUTURE_PLAN_KEYS_SECRET: "plan-keys",
    SUTURE_OFFLINE_PLAN_KEYS_SECRET: "offline-plan-keys",
    SUTURE_POLL_SECONDS: "1",
    SUTURE_PUBLISH_QUEUE_URL: queue.QueueUrl ?? "",
    SUTURE_WRAPPING_KEY: await createKey({}),
    SUTURE_SNAPSHOT_KEY: await signing(),
    SUTURE_TIMESTAMP_KEY: await signing(),
    SUTURE_PLAN_KEYS_KEY: await signing(),
    SUTURE_RECALLS_KEY: await signing(),
  };
  const roles = await startRoles(dynamo.endpoint);
  const started = await Promise.all(
    Object.entries(code).map(async ([name, path]) => {
      const own = { ...environment, AWS_ENDPOINT_URL_DYNAMODB: roles.endpointOf(name as FunctionName) };
      return [name, await startInstance(path, own)] as const;
    }),
  );
  const functions = Object.fromEntries(started) as Record<FunctionName, Instance>;

  const stores = openStores(dynamoSdk(dynamo));
  listener.serve((request) => route(request, functions, environment.SUTURE_BUCKET_URL, s3.credentials));
  const polled = { byFunctionUrl: 0 };
  functionUrl.serve(async (request) => {
    polled.byFunctionUrl++;
    return toResponse(await functions["agent-api"].invoke(await toEvent(request)));
  });
  const problems: unknown[] = [];
  const streams = consumerNames.map((name) =>
    followStreams(
      dynamo,
      consumers[name].follows,
      (event) => functions[name].invoke(event),
      (error) => problems.push(error),
    ),
  );
  const queued = consume(sqs.endpoint, queue.QueueUrl ?? "", (body) =>
    functions.publish.invoke({ Records: [{ messageId: "1", body }] }),
  );

  return {
    url: listener.url,
    token: await issueOperatorToken({ apiTokens: stores.apiTokens, now: Date.now }, { label: "test", days: 1 }),
    stores,
    functions,
    environment,
    problems,
    refusals: roles.refusals,
    polled,
    /** as if the function had been made again, under another address */
    loseFunctionUrl: () => functionUrl.close(),
    async stop() {
      await queued.stop();
      await Promise.all(streams.map((each) => each.stop()));
      await listener.close();
      await functionUrl.close().catch(() => undefined);
      await Promise.all(Object.values(functions).map((each) => each.stop()));
      await roles.stop();
      secrets.stop();
      await Promise.all([dynamo, s3, kms, sqs].map((each) => each.stop()));
    },
  };
}

/** What the edge does: the repositories and signed links from the bucket, the rest from the functions. */
async function route(
  request: Request,
  functions: Record<FunctionName, Instance>,
  bucketUrl: string,
  credentials: { accessKeyId: string; secretAccessKey: string },
): Promise<Response> {
  const { pathname, search } = new URL(request.url);
  if (pathname.startsWith("/bundles/")) return await fetch(`${bucketUrl}${pathname}${search}`);
  if (pathname.startsWith("/tuf/")) {
    const { AwsClient } = await import("aws4fetch");
    const client = new AwsClient({ ...credentials, region: "us-east-1", service: "s3" });
    return await client.fetch(`${bucketUrl}${pathname}`);
  }
  const name = pathname.startsWith("/v1/agent/")
    ? "agent-api"
    : pathname.startsWith("/v1/") || pathname === "/openapi.json"
      ? "vendor-api"
      : "portal";
  return toResponse(await functions[name].invoke(await toEvent(request)));
}

/** What Lambda's event source does: receives, invokes, deletes what went well. */
function consume(endpoint: string, QueueUrl: string, work: (body: string) => Promise<unknown>) {
  let stopped = false;
  const running = (async () => {
    while (!stopped) {
      const received = await callSqs(endpoint, "ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 1 });
      const Messages = received.Messages ?? [];
      for (const { Body, ReceiptHandle } of Messages) {
        await work(Body);
        await callSqs(endpoint, "DeleteMessage", { QueueUrl, ReceiptHandle });
      }
      if (Messages.length === 0) await sleep(50);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
    },
  };
}

async function callSqs(endpoint: string, operation: string, input: object) {
  const headers = { "content-type": "application/x-amz-json-1.0", "x-amz-target": `AmazonSQS.${operation}` };
  const response = await fetch(endpoint, { method: "POST", headers, body: JSON.stringify(input) });
  return JSON.parse((await response.text()) || "{}") as {
    QueueUrl?: string;
    Messages?: { Body: string; ReceiptHandle: string }[] | null;
  };
}
