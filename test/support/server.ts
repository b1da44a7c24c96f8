import type { ChildProcess } from "node:child_process";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { until } from "../../infra/local/demo/scene.ts";
import { dynamoDbLocal, type RunningPeer, startPeer, versityS3 } from "./peers.ts";

/** A database and an S3 server that nobody here wrote, with a bucket, for the service as one process. */
export async function serverPeers(): Promise<{ dynamo: RunningPeer; s3: RunningPeer; stop: () => Promise<void> }> {
  const [dynamo, s3] = await Promise.all([startPeer(dynamoDbLocal), startPeer(versityS3)]);
  await new S3Client({ ...s3, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: "suture" }));
  return { dynamo, s3, stop: async () => void (await Promise.all([dynamo.stop(), s3.stop()])) };
}

/** What the process is told by its environment (docs/deploy.md). */
export function serverEnvironment(
  { dynamo, s3 }: { dynamo: RunningPeer; s3: RunningPeer },
  { port, keys }: { port: number; keys: string },
): Record<string, string> {
  return {
    PORT: String(port),
    SUTURE_KEYS: keys,
    SUTURE_BUCKET: "suture",
    SUTURE_POLL_SECONDS: "1",
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
  };
}

/** Waits until the service, whose output is a pipe, has published its own repository. Throws what it said where it ends first. */
export async function untilPublic(url: string, server: ChildProcess): Promise<void> {
  let said = "";
  server.stderr?.on("data", (chunk) => (said += String(chunk)));
  await until("the service is public", async () => {
    if (server.exitCode !== null) throw new Error(`the server ended: ${said}`);
    return await fetch(`${url}/tuf/service/timestamp.json`).then(
      (response) => response.ok,
      () => false,
    );
  });
}
