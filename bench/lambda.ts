import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { bundle } from "../infra/bundles.ts";
import { startSecrets } from "../test/support/lambda/secrets.ts";
import { type Figure, median } from "./figure.ts";

const run = promisify(execFile);
const rounds = 15;

/** What a process that starts a handler says of itself: milliseconds to load it, and its memory in MiB. */
const probe = `
  const before = performance.now();
  const { handler } = await import(process.argv[1]);
  const millis = performance.now() - before;
  if (typeof handler !== "function") throw new Error("no handler");
  console.log(JSON.stringify({ millis, mib: process.memoryUsage.rss() / 1048576 }));`;

/**
 * agent-api's bundle: its size, and what it adds to the init of an empty handler, each in new processes in turn. The one read that
 * the init waits for, of the ticket keys, goes to the loopback.
 */
export async function lambdaFigures(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const key = Buffer.alloc(32).toString("base64url");
  const secrets = await startSecrets(new Map([["tickets", key]]));
  const environment = {
    PATH: process.env.PATH ?? "",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    SUTURE_PUBLIC_URL: "https://suture.example.com",
    SUTURE_BUCKET_URL: "https://bucket.s3.us-east-1.amazonaws.com",
    SUTURE_TICKET_SECRET: "tickets",
    SUTURE_PLAN_KEYS_SECRET: "plan-keys",
    SUTURE_POLL_SECONDS: "900",
    SUTURE_AGENT_URL_PARAMETER: "/suture/agent-url",
  };
  const start = async (path: string) => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", probe, path], { env: environment });
    return JSON.parse(stdout) as { millis: number; mib: number };
  };
  try {
    const { folder: bundled, code } = await bundle("agent-api", folder);
    const empty = join(folder, "empty.mjs");
    await writeFile(empty, "export const handler = async () => ({ statusCode: 204 });");
    const agentStarts = [];
    const emptyStarts = [];
    for (let round = 0; round < rounds; round++) {
      agentStarts.push(await start(join(bundled, "index.mjs")));
      emptyStarts.push(await start(empty));
    }
    const agentMillis = median(agentStarts.map(({ millis }) => millis));
    const emptyMillis = median(emptyStarts.map(({ millis }) => millis));
    const agentMib = median(agentStarts.map(({ mib }) => mib));
    const emptyMib = median(emptyStarts.map(({ mib }) => mib));
    return [
      figure("lambda.init.agentApi", agentMillis - emptyMillis, "ms", {
        versus: "an empty handler's own, interleaved",
        ratio: agentMillis / emptyMillis,
        anchor: "goal <= 5 over it; with the AWS SDK bundled +63-78",
      }),
      figure("lambda.memory.agentApi", agentMib, "MiB", {
        versus: "an empty handler",
        ratio: agentMib / emptyMib,
        anchor: "resident after init",
      }),
      figure("lambda.size.agentApi", code.length / 1024, "KiB", {
        versus: "its size compressed, which is what Lambda stores",
        ratio: code.length / gzipSync(code).length,
        anchor: "goal <= 80; with the AWS SDK bundled 566",
      }),
    ];
  } finally {
    secrets.stop();
    await rm(folder, { recursive: true });
  }
}

function figure(name: string, value: number, unit: string, rest: Pick<Figure, "versus" | "ratio" | "anchor">): Figure {
  const round = (number: number) => Math.round(number * 10) / 10;
  return { name, value: round(value), unit, ...rest, ratio: rest.ratio === null ? null : round(rest.ratio) };
}
