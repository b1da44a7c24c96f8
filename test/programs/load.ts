import { setTimeout as sleep } from "node:timers/promises";

/** One connection of a client: asks one thing at a time. */
export type Client = {
  /** One request with its reply; false, or a `WrongReply`, where that is wrong. Rejects otherwise where the connection ends or nothing comes in time. */
  ask: () => Promise<boolean>;
  close: () => void;
};

/** A reply that is not what was asked for, with what came. */
export class WrongReply extends Error {}

/** What the clients saw: `closed` counts connections that ended or were silent for too long. */
type LoadStats = { requests: number; failed: number; closed: number; firstTrouble: string };
export type Load = { stats(): LoadStats; stop(): Promise<void> };

type LoadOptions = {
  connections: number;
  /** between two requests of a connection, so that the load leaves the processors to others */
  pauseMillis: number;
  /** a connection is closed and opened anew after so many requests, which programs that accept or fork have to live with */
  requestsPerConnection: number;
};

/** Asks on several connections until it is stopped; returns once each has had its first reply. */
export async function startLoad(open: () => Promise<Client>, options: LoadOptions): Promise<Load> {
  const stats: LoadStats = { requests: 0, failed: 0, closed: 0, firstTrouble: "" };
  const note = (text: string) => {
    if (stats.firstTrouble === "") stats.firstTrouble = text;
  };
  let isStopping = false;
  const first = Array.from({ length: options.connections }, () => Promise.withResolvers<void>());

  const work = async (ready: () => void): Promise<void> => {
    while (!isStopping) {
      let client: Client | null = null;
      try {
        client = await open();
        for (let turn = 0; turn < options.requestsPerConnection && !isStopping; turn++) {
          if (await client.ask()) stats.requests++;
          else {
            stats.failed++;
            note("a wrong reply");
          }
          ready();
          await sleep(options.pauseMillis);
        }
      } catch (error) {
        if (error instanceof WrongReply) stats.failed++;
        else stats.closed++;
        note(error instanceof Error ? error.message : String(error));
        await sleep(200);
      } finally {
        client?.close();
      }
    }
  };
  const workers = first.map(({ resolve }) => work(resolve));
  await Promise.all(first.map(({ promise }) => withinTime(promise, "the first reply")));
  return {
    stats: () => ({ ...stats }),
    async stop() {
      isStopping = true;
      await Promise.all(workers);
    },
  };
}

const replyMillis = 30_000;

/** Rejects where something takes far longer than on the busiest machine. */
export async function withinTime<T>(work: Promise<T>, what: string): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(new Error(`${what} did not come in time`)), replyMillis);
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
