import { resolve } from "node:path";
import { z } from "zod";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { describeError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { createTables } from "../local/dynamodb.ts";
import { listen } from "../local/listen.ts";
import { operatorToken } from "../local/operator-token.ts";
import { runService } from "../local/service.ts";

/** Everything that the process is told, by its environment (docs/deploy.md). */
const Environment = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  /** the folder with the service's keys */
  SUTURE_KEYS: z.string().min(1),
  SUTURE_BUCKET: z.string().min(1),
  SUTURE_POLL_SECONDS: z.coerce.number().int().min(1).default(900),
  AWS_ENDPOINT_URL_DYNAMODB: z.url(),
  AWS_ENDPOINT_URL_S3: z.url(),
  AWS_REGION: z.string().default("us-east-1"),
  AWS_ACCESS_KEY_ID: z.string().min(1),
  AWS_SECRET_ACCESS_KEY: z.string().min(1),
});

/** The whole service as one process, for whoever has a DynamoDB-compatible database and an S3-compatible store. */
async function main(): Promise<() => Promise<void>> {
  const env = parseWith(Environment, process.env, "environment");
  const keysDir = resolve(env.SUTURE_KEYS);
  const access = {
    region: env.AWS_REGION,
    credentials: { accessKeyId: env.AWS_ACCESS_KEY_ID, secretAccessKey: env.AWS_SECRET_ACCESS_KEY },
  };
  const listener = await listen(env.PORT, env.HOST);
  const dynamo = { ...access, endpoint: env.AWS_ENDPOINT_URL_DYNAMODB };
  await createTables(dynamo);
  const service = await runService({
    dynamo,
    blobs: s3Blobs(env.SUTURE_BUCKET, { ...access, endpoint: env.AWS_ENDPOINT_URL_S3, forcePathStyle: true }),
    keysDir,
    pollSeconds: env.SUTURE_POLL_SECONDS,
    now: Date.now,
    log,
  });
  await operatorToken(resolve(keysDir, "operator.token"), service.stores.apiTokens, Date.now());
  listener.serve(service.fetch);
  log(`the service answers on ${listener.url}; the operator's token is in ${keysDir}/operator.token`);
  return async () => {
    await listener.close();
    await service.stop();
  };
}

function log(line: string): void {
  process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), message: line })}\n`);
}

try {
  const stop = await main();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void stop().then(() => process.exit(0)));
  }
} catch (error) {
  process.stderr.write(`error: ${describeError(error)}\n`);
  process.exit(1);
}
