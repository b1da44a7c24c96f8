import { randomBytes, randomInt } from "node:crypto";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * What the load has seen so far. `failed` counts replies whose body was not what was sent; `closed`, connections that ended;
 * `leastInFlight` is the smallest number of requests that waited for their reply at any moment.
 */
type LoadStats = { requests: number; failed: number; closed: number; leastInFlight: number };

export type Load = {
  stats(): LoadStats;
  /** Asks for more bytes than were sent, as an attacker would: whether the server's secret came back. */
  leak(): Promise<boolean>;
  /** The longest time in microseconds that the server saw itself stand still since the last call, by its own heartbeat. */
  worstGapMicros(): Promise<number>;
  stop(): Promise<void>;
};

const secret = "the key that must never leave";
const maxBody = 64;
/** Each connection sends one request in this time, so that the load leaves the processors to others. */
const periodMs = 25;
/** One connection in so many sends slow requests without a break: however short a stop, some are in flight during it. */
const slowOneIn = 8;

/**
 * Load on the sample server (docs/examples/echod): connections that each send a random body, check every byte of the reply, and
 * wait a little; every eighth sends slow requests without a break. With the default 64 connections that is about 2,500 requests a
 * second.
 */
export async function startLoad({ port, connections = 64 }: { port: number; connections?: number }): Promise<Load> {
  const stats = { requests: 0, failed: 0, closed: 0, inFlight: 0, leastInFlight: 0 };
  const stopping = new AbortController();
  const probe = await openClient(port);
  const clients = await Promise.all(Array.from({ length: connections }, () => openClient(port)));
  const workers = clients.map((client, at) => work(client, at % slowOneIn === 0 ? "w" : "e", stats, stopping.signal));
  // Every slow request is on its way by now, so from here on the least counts
  stats.leastInFlight = stats.inFlight;
  return {
    stats: () => ({
      requests: stats.requests,
      failed: stats.failed,
      closed: stats.closed,
      leastInFlight: stats.leastInFlight,
    }),
    async leak() {
      const { body } = await probe.ask("e", 200, Buffer.from("?"));
      return body.includes(secret);
    },
    async worstGapMicros() {
      const { body } = await probe.ask("h", 0, Buffer.alloc(0));
      return body.readUInt32BE(0);
    },
    async stop() {
      stopping.abort();
      await Promise.all(workers);
      for (const client of [probe, ...clients]) client.close();
    },
  };
}

type Counters = LoadStats & { inFlight: number };

async function work(client: Client, kind: "e" | "w", stats: Counters, stopping: AbortSignal): Promise<void> {
  if (kind === "e") await sleep(randomInt(periodMs));
  while (!stopping.aborted) {
    const body = randomBytes(randomInt(1, maxBody));
    stats.inFlight++;
    try {
      const reply = await client.ask(kind, body.length, body);
      stats.requests++;
      if (reply.status !== 0 || !reply.body.equals(body)) stats.failed++;
    } catch {
      stats.closed++;
      return;
    } finally {
      stats.inFlight--;
      if (!stopping.aborted) stats.leastInFlight = Math.min(stats.leastInFlight, stats.inFlight);
    }
    if (kind === "e") await sleep(periodMs);
  }
}

type Reply = { status: number; body: Buffer };
/** One connection, one request at a time. `ask` rejects where the connection ends before the reply. */
type Client = { ask(kind: "e" | "w" | "h", count: number, body: Buffer): Promise<Reply>; close(): void };

async function openClient(port: number): Promise<Client> {
  const socket = await open(port);
  let received = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<Reply> | null = null;
  let ended: Error | null = null;
  socket.on("data", (bytes: Buffer) => {
    received = Buffer.concat([received, bytes]);
    const [status = 0, length = 0] = received;
    if (received.length < 2 + length) return;
    const body = received.subarray(2, 2 + length);
    received = received.subarray(2 + length);
    waiting?.resolve({ status, body });
  });
  const end = (error?: Error) => {
    ended ??= error ?? new Error("the server closed the connection");
    waiting?.reject(ended);
  };
  socket.on("error", end);
  socket.on("close", () => end());
  return {
    ask(kind, count, body) {
      if (ended) return Promise.reject(ended);
      waiting = Promise.withResolvers<Reply>();
      socket.write(Buffer.concat([Buffer.from([kind.charCodeAt(0), count, body.length]), body]));
      return waiting.promise;
    },
    close: () => socket.destroy(),
  };
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("connect", () => resolve(socket));
    socket.once("error", reject);
  });
}
