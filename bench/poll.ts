import { createSecretKey, randomBytes } from "node:crypto";
import { Hono } from "hono";
import { handle, type LambdaContext, type LambdaEvent } from "hono/aws-lambda";
import { agentApi } from "../functions/agent-api/app.ts";
import { usualAgentLimits } from "../functions/agent-api/limits.ts";
import { sealTicket } from "../functions/domain/ticket.ts";
import { ticketHeader } from "../protocol/wire/check-in.ts";
import { type Figure, median } from "./figure.ts";

const rounds = 41;
const pollsARound = 2_000;

/**
 * CPU of a "nothing new" poll, each from another machine, over a bare Hono hello. Both answer the same function-URL events through
 * Hono's Lambda handler, in turn, in this process: what is compared is what production would pay.
 */
export async function pollFigures(): Promise<Figure[]> {
  const key = createSecretKey(randomBytes(32));
  const now = Date.now();
  const record = {
    epoch: 42,
    floor: 0,
    scopes: Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`t:customer-${at}`, { epoch: 1, at: now }])),
  };
  const unused = () => Promise.reject(new Error("a poll touches no store"));
  const deps = {
    readChanges: () => Promise.resolve(record),
    ticketKeys: [key],
    pollSeconds: 900,
    limits: usualAgentLimits,
    now: Date.now,
  };
  const app = agentApi({ ...deps, planKey: unused, presign: unused } as unknown as Parameters<typeof agentApi>[0]);
  const hello = new Hono().get("/v1/agent/poll", (c) => c.text("hello"));

  const tickets = Array.from({ length: pollsARound }, (_, at) => {
    const machine = `m-${at.toString(16).padStart(32, "0")}`;
    const scopes = [
      `t:customer-${at % 500}`,
      `g:customer-${at % 500}/default`,
      "p:acme/echod/stable",
      "p:acme/echod/beta",
    ];
    return sealTicket({ machine, epoch: 42, checkInBy: now / 1000 + 3600, scopes }, [key]);
  });
  const context = {} as LambdaContext;
  const [ours, bare] = [handle(app), handle(hello)];
  const poll = async (at: number) => {
    const { statusCode } = await ours(functionUrlEvent(tickets[at] ?? ""), context);
    if (statusCode !== 204) throw new Error(`a poll was answered ${statusCode}`);
  };
  const greet = async (at: number) => {
    const { statusCode } = await bare(functionUrlEvent(tickets[at] ?? ""), context);
    if (statusCode !== 200) throw new Error(`hello was answered ${statusCode}`);
  };

  const ratios: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [pollCost, greetCost] = [await cpuMicros(poll), await cpuMicros(greet)];
    // The first rounds are the compiler's
    if (round >= 10) {
      ratios.push(pollCost / greetCost);
      costs.push(pollCost);
    }
  }
  return [
    {
      name: "poll.cpu.nothingNew",
      value: round2(median(costs)),
      unit: "us",
      versus: "a bare Hono hello, interleaved",
      ratio: round2(median(ratios)),
      anchor: "goal <= 1.6; Expo's update server 18-25, hot-updater 84",
    },
  ];
}

/** A Lambda function URL's event, payload format 2.0, as an agent's poll makes it. */
function functionUrlEvent(ticket: string) {
  const path = "/v1/agent/poll";
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: "",
    headers: {
      [ticketHeader]: ticket,
      host: "id.lambda-url.region.on.aws",
      "x-forwarded-for": "192.0.2.1",
      accept: "*/*",
    },
    requestContext: { domainName: "id.lambda-url.region.on.aws", http: { method: "GET", path, sourceIp: "192.0.2.1" } },
    isBase64Encoded: false,
  } as unknown as LambdaEvent;
}

async function cpuMicros(request: (at: number) => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let at = 0; at < pollsARound; at++) await request(at);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / pollsARound;
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
