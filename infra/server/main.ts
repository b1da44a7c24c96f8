import { resolve } from "node:path";
import { z } from "zod";
import type { ProviderConfig } from "../../functions/portal/sign-in/provider.ts";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { describeError, SutureError } from "../../protocol/errors.ts";
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
  /** the identity provider where people sign in to the portal; without one they need tokens */
  SUTURE_PUBLIC_URL: z.url().optional(),
  SUTURE_OIDC_ISSUER: z.url().optional(),
  SUTURE_OIDC_CLIENT_ID: z.string().min(1).optional(),
  SUTURE_OIDC_CLIENT_SECRET: z.string().min(1).optional(),
  SUTURE_OIDC_GROUPS_CLAIM: z.string().min(1).default("groups"),
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
    ...identityOf(env),
    ...(env.SUTURE_PUBLIC_URL !== undefined && { publicUrl: new URL(env.SUTURE_PUBLIC_URL).origin }),
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

/** @throws SutureError `invalid-request` where only a part is said of what goes together */
function identityOf(env: z.output<typeof Environment>): { identity?: ProviderConfig } {
  const { SUTURE_OIDC_ISSUER: issuer, SUTURE_OIDC_CLIENT_ID: clientId, SUTURE_OIDC_CLIENT_SECRET: clientSecret } = env;
  if (issuer === undefined && clientId === undefined) return {};
  if (issuer === undefined || clientId === undefined) {
    throw new SutureError("invalid-request", "SUTURE_OIDC_ISSUER and SUTURE_OIDC_CLIENT_ID go together");
  }
  if (env.SUTURE_PUBLIC_URL === undefined) {
    const detail =
      "SUTURE_OIDC_ISSUER needs SUTURE_PUBLIC_URL: the identity provider sends browsers back there, and requests may name any host";
    throw new SutureError("invalid-request", detail);
  }
  const groupsClaim = env.SUTURE_OIDC_GROUPS_CLAIM;
  return { identity: { issuer, clientId, groupsClaim, ...(clientSecret !== undefined && { clientSecret }) } };
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
