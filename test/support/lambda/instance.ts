import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { spawnBound, stopBound } from "../../../infra/local/bound-process.ts";
import { lambdaRuntime } from "../peers.ts";

type Invocation = { event: unknown; resolve: (value: unknown) => void; reject: (error: Error) => void };

/** One instance of a function, as Lambda runs it: it takes one event at a time. */
export type Instance = {
  /** What the handler returned. Throws an Error with what it threw. */
  invoke<T>(event: unknown): Promise<T>;
  /** from the start of the process until it asked for its first event; milliseconds */
  initMillis: number;
  /** resident memory now; MiB */
  memoryMib(): number;
  /** everything that it wrote so far */
  output(): string;
  stop(): Promise<void>;
};

/**
 * Starts a bundle under Amazon's runtime client, against a local runtime API.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
export async function startInstance(folder: string, environment: Readonly<Record<string, string>>): Promise<Instance> {
  const waiting: Invocation[] = [];
  const running = new Map<string, Invocation>();
  let idle: ServerResponse | undefined;
  let count = 0;
  let ready: (error?: Error) => void = () => undefined;
  const initialized = new Promise<void>((resolve, reject) => {
    ready = (error) => (error === undefined ? resolve() : reject(error));
  });

  function handOut(): void {
    if (idle === undefined) return;
    const next = waiting.shift();
    if (next === undefined) return;
    const id = `00000000-0000-4000-8000-${String(++count).padStart(12, "0")}`;
    running.set(id, next);
    idle.writeHead(200, {
      "content-type": "application/json",
      "lambda-runtime-aws-request-id": id,
      "lambda-runtime-deadline-ms": String(Date.now() + 60_000),
      "lambda-runtime-invoked-function-arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
    });
    idle.end(JSON.stringify(next.event));
    idle = undefined;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = "" } = request;
    if (url.endsWith("/runtime/invocation/next")) {
      ready();
      idle = response;
      handOut();
      return;
    }
    const body = await textOf(request);
    const [, id = "", what] = /\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(url) ?? [];
    const invocation = running.get(id);
    running.delete(id);
    if (url.endsWith("/runtime/init/error")) ready(new Error(`the function did not start: ${body}`));
    else if (what === "response") invocation?.resolve(body === "" ? undefined : JSON.parse(body));
    else invocation?.reject(new Error(body));
    response.writeHead(202).end("{}");
  }

  const api = createServer((request, response) => void answer(request, response)).listen(0, "127.0.0.1");
  await once(api, "listening");
  const address = api.address();
  const port = typeof address === "object" ? address?.port : undefined;

  const started = performance.now();
  const child = spawnBound(process.execPath, [lambdaRuntime.program, "index.handler"], {
    cwd: folder,
    output: "pipe",
    env: {
      PATH: process.env.PATH ?? "",
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      AWS_LAMBDA_FUNCTION_NAME: "test",
      AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
      AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/test",
      AWS_LAMBDA_LOG_STREAM_NAME: "test",
      LAMBDA_TASK_ROOT: folder,
      _HANDLER: "index.handler",
      AWS_REGION: "us-east-1",
      ...environment,
    },
  });
  const output = collect(child);
  child.once("exit", (code) => {
    const error = new Error(`the function's process ended with ${code}: ${output()}`);
    ready(error);
    for (const { reject } of [...running.values(), ...waiting]) reject(error);
  });
  await initialized;
  return {
    initMillis: performance.now() - started,
    invoke: (event) =>
      new Promise((resolve, reject) => {
        waiting.push({ event, resolve: resolve as (value: unknown) => void, reject });
        handOut();
      }),
    memoryMib: () => residentMib(child),
    output,
    async stop() {
      await stopBound(child);
      api.closeAllConnections();
      api.close();
    },
  };
}

function collect(child: ChildProcess): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk) => {
      text += String(chunk);
    });
  }
  return () => text;
}

function residentMib({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}
