import { readFileSync } from "node:fs";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCertificates } from "../../test/support/agent/certificates.ts";
import { type Figure, figureBeside, median } from "../figure.ts";
import { cpuOf } from "./quiet-host.ts";
import type { Release } from "./release.ts";

const turns = 15;
/** The service takes two polls a second of one machine, and each turn is three. */
const pauseMillis = 500;

/**
 * What a timer's run costs, in turns with bare Node: a poll without and with TLS, and a look at the whole host.
 * @param plain the state folder of an enrolled host
 * @param secret that of another one, which is moved to where TLS leads
 */
export async function timerFigures({ agent, node }: Release, plain: string, secret: string): Promise<Figure[]> {
  const front = await startTls(secret);
  try {
    const bare = () => cpuOf([node, "-e", "0"]);
    const poll = () => cpuOf([agent, "poll", "--state", plain]);
    const pollByTls = () => cpuOf([agent, "poll", "--state", secret], front.environment);
    const round = () => cpuOf([agent, "once", "--state", plain]);
    // The round before leaves the note by which the others poll
    await poll();
    await pollByTls();
    const notes = async () => (await Promise.all([plain, secret].map(noteAge))).join();
    const before = await notes();
    const spent = await inTurns([bare, poll, pollByTls]);
    if ((await notes()) !== before) throw new Error("A poll that was to be a small one looked at the whole host");
    const rounds = await inTurns([bare, round]);
    const figure = (name: string, [alone = [], values = []]: number[][], anchor: string) => {
      const of = median(alone);
      return figureBeside(name, median(values), "ms", {
        of,
        versus: `${of} ms of node -e 0`,
        anchor: `CPU; ${anchor}`,
      });
    };
    return [
      figure("agent.timer.poll", [spent[0] ?? [], spent[1] ?? []], "goal: <= 1.3 x"),
      figure("agent.timer.poll.tls", [spent[0] ?? [], spent[2] ?? []], "goal: <= 1.3 x, TLS 1.3 with P-256"),
      figure("agent.timer.round", rounds, "once an hour"),
    ];
  } finally {
    front.stop();
  }
}

/** Measures each in its turn, again and again, so that what else the machine does meets all alike. */
async function inTurns(measures: readonly (() => Promise<number>)[]): Promise<number[][]> {
  const spent: number[][] = measures.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, measure] of measures.entries()) {
      spent[index]?.push(await measure());
      await sleep(pauseMillis);
    }
  }
  return spent;
}

async function noteAge(state: string): Promise<number> {
  return (await stat(join(state, "poll.json"))).birthtimeMs;
}

/** Puts TLS in front of the service of a host, and moves the host there. */
async function startTls(state: string) {
  const folder = `${state}-tls`;
  await mkdir(folder);
  makeCertificates(folder);
  const path = join(state, "identity.json");
  const identity = JSON.parse(await readFile(path, "utf8"));
  const [key, cert] = ["server.key", "server.pem"].map((name) => readFileSync(join(folder, name)));
  const server = createServer({ key, cert }, (asked, answer) => {
    const { method, headers, url } = asked;
    const onward = request(new URL(url ?? "", identity.server), { method, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
    });
    asked.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await writeFile(path, JSON.stringify({ ...identity, server: `https://localhost:${port}` }), { mode: 0o600 });
  return {
    environment: { SUTURE_AGENT_NETWORK_CA_FILE: join(folder, "ca.pem") },
    stop: () => server.close(),
  };
}
