import { execFile } from "node:child_process";
import { createSecretKey } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { scopeOf, sealTicket } from "../functions/domain/ticket.ts";
import { bundle } from "../infra/bundles.ts";
import { startDynamo } from "../infra/local/dynamodb.ts";
import { ticketHeader } from "../protocol/wire/check-in.ts";
import { startSecrets } from "../test/support/lambda/secrets.ts";
import { assumed } from "./cost/prices.ts";
import { type Figure, median } from "./figure.ts";
import { functionUrlEvent } from "./function-url.ts";

const run = promisify(execFile);
const rounds = 15;
const warmRounds = 5;
/** Of a processor that a function of 256 MB gets, where 1,769 MB have a whole one. */
const share = 256 / 1769;

/** What a process that starts a handler says of itself: milliseconds to load it, and its memory in MiB. */
const probe = `
  const before = performance.now();
  const { handler } = await import(process.argv[1]);
  const millis = performance.now() - before;
  if (typeof handler !== "function") throw new Error("no handler");
  console.log(JSON.stringify({ millis, mib: process.memoryUsage.rss() / 1048576 }));`;

/** So many polls of a warm instance, of which the first are not counted, by so many machines that none exceeds its rate. */
const polls = { warmUp: 300, counted: 3000, machines: 40 };

/** What a warm handler takes for one of the events that it is given, on average: milliseconds of the processor. */
const warmProbe = `
  const { handler } = await import(process.argv[1]);
  const events = JSON.parse(process.argv[2]);
  const status = new Set();
  const poll = async (at) => status.add((await handler(events[at % events.length], {})).statusCode);
  for (let at = 0; at < ${polls.warmUp}; at++) await poll(at);
  const before = process.cpuUsage();
  for (let at = 0; at < ${polls.counted}; at++) await poll(at);
  const { user, system } = process.cpuUsage(before);
  if (status.size > 1 || !status.has(204)) throw new Error("answered " + [...status]);
  console.log(JSON.stringify({ millis: (user + system) / 1000 / ${polls.counted} }));
  process.exit();`;

/**
 * agent-api's bundle: its size, and what it adds to the init of an empty handler, each in new processes in turn. The one read that
 * the init waits for, of the ticket keys, goes to the loopback. A warm poll that brings nothing new is the handler's part of what is
 * billed; the runtime client's own is not in it.
 */
export async function lambdaFigures(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const key = Buffer.alloc(32).toString("base64url");
  const secrets = await startSecrets(new Map([["tickets", key]]));
  const database = await startDynamo();
  const environment = {
    PATH: process.env.PATH ?? "",
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "id",
    AWS_SECRET_ACCESS_KEY: "secret",
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secrets.endpoint,
    AWS_ENDPOINT_URL_DYNAMODB: database.endpoint,
    SUTURE_PUBLIC_URL: "https://suture.example.com",
    SUTURE_BUCKET_URL: "https://bucket.s3.us-east-1.amazonaws.com",
    SUTURE_TICKET_SECRET: "tickets",
    SUTURE_PLAN_KEYS_SECRET: "plan-keys",
    SUTURE_POLL_SECONDS: "900",
    SUTURE_AGENT_URL_PARAMETER: "/suture/agent-url",
  };
  const probed = async (program: string, ...args: string[]): Promise<unknown> => {
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, ...args], {
      env: environment,
    });
    return JSON.parse(stdout);
  };
  const start = async (path: string) => (await probed(probe, path)) as { millis: number; mib: number };
  const warm = async (path: string) => {
    const scopes = [scopeOf.tenant("globex"), scopeOf.group("globex", "default"), scopeOf.stream("acme/echod/stable")];
    const checkInBy = Math.floor(Date.now() / 1000) + 86_400;
    const keys = [createSecretKey(Buffer.from(key, "base64url"))] as const;
    const events = Array.from({ length: polls.machines }, (_, at) => {
      const ticket = { machine: `m-${String(at).padStart(32, "0")}`, epoch: 0, checkInBy, scopes };
      return functionUrlEvent("/v1/agent/poll", { [ticketHeader]: sealTicket(ticket, keys) });
    });
    return ((await probed(warmProbe, path, JSON.stringify(events))) as { millis: number }).millis;
  };
  try {
    const { folder: bundled, code } = await bundle("agent-api", folder);
    const empty = join(folder, "empty.mjs");
    await writeFile(empty, "export const handler = async () => ({ statusCode: 204 });");
    const polled = [];
    const emptyPolled = [];
    for (let round = 0; round < warmRounds; round++) {
      polled.push(await warm(join(bundled, "index.mjs")));
      emptyPolled.push(await warm(empty));
    }
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
      figure("lambda.poll.agentApi", median(polled), "ms", {
        versus: "an empty handler's own, interleaved",
        ratio: median(polled) / median(emptyPolled),
        anchor: `of a whole processor; ${hundredths(median(polled) / share)} ms at 256 MB, ${assumed.pollMillis} are assumed to be billed`,
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
    await database.stop();
    await rm(folder, { recursive: true });
  }
}

function figure(name: string, value: number, unit: string, rest: Pick<Figure, "versus" | "ratio" | "anchor">): Figure {
  const round = (number: number) => Math.round(number * 10) / 10;
  const shown = Math.abs(value) < 1 ? hundredths(value) : round(value);
  return { name, value: shown, unit, ...rest, ratio: rest.ratio === null ? null : round(rest.ratio) };
}

function hundredths(number: number): number {
  return Math.round(number * 100) / 100;
}
