import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildId, openHost, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { runLoop } from "../round/loop.ts";
import { runRound } from "../round/round.ts";
import type { Signs } from "./signs.ts";

let directory: string;
let service: TestService;
let host: TestHost;
let patch: string;
let oopses: number;
let bootedAt: number;
let shutdowns: number[];
const signs: Partial<Signs> = {
  oopses: () => oopses,
  lastOops: () => "BUG: kernel NULL pointer dereference, address: 0000000000000010",
  bootedAt: () => bootedAt,
  traces: () => ({ shutdowns, crashDumps: [] }),
  process: (pid) => ({ parent: 1, startedAt: pid }),
};
const seconds = () => Math.floor(host.clock.millis / 1000);
const open = async (bootId?: string) => {
  const { clock } = host;
  host = await openHost({ directory, clock, http: service.http, signs, ...(bootId !== undefined && { bootId }) });
};
const round = () => runRound(host.agent, { force: true });
/** Stays until `until` milliseconds from now, and then is asked to stop, or killed. */
const stay = async (until: number, asked = true) => {
  const stop = new AbortController();
  const end = host.clock.millis + until;
  const { clock } = host.agent;
  clock.sleep = async (millis) => {
    host.clock.millis += millis;
    if (host.clock.millis < end) return;
    if (!asked) throw new Error("killed");
    stop.abort();
  };
  const never = new AbortController().signal;
  await runLoop(host.agent, { signal: stop.signal, wake: () => never }).catch((error: Error) => {
    if (error.message !== "killed") throw error;
  });
};

beforeEach(async () => {
  [oopses, bootedAt, shutdowns] = [0, 0, []];
  ({ directory, service, host } = await servedHost());
  await open();
  await recover(host.agent);
  const apply = await service.publish("fix", buildId);
  service.actions = [apply];
  await round();
  service.actions = [];
  patch = apply.patch;
});
afterEach(() => rmSync(directory, { recursive: true }));

describe("a host tells", () => {
  it("of an oops once, with what was in, also when the service was away meanwhile", async () => {
    const since = seconds();
    host.clock.millis += 2 * 86_400_000;
    await settle(host.agent);
    oopses = 1;
    await settle(host.agent);
    await settle(host.agent);
    expect(host.agent.outbox.waiting()).toHaveLength(1);
    await open();
    await round();
    expect(service.incidents).toMatchObject([
      {
        kind: "oops",
        sequence: 2,
        at: seconds(),
        applied: [{ patch, since }],
        detail: expect.stringContaining("NULL"),
      },
    ]);
    await settle(host.agent);
    await round();
    expect(service.incidents).toHaveLength(1);
  });

  it("of a program that keeps ending soon after it starts, and at once", async () => {
    const run = (pid: number) => host.engine.write({ processes: { [buildId]: [{ pid, patches: [] }] }, staged: [] });
    run(seconds() - 100);
    await settle(host.agent);
    for (let life = 0; life < 6; life++) {
      host.clock.millis += 5000;
      run(seconds());
      await settle(host.agent);
    }
    await round();
    expect(service.incidents).toMatchObject([{ kind: "crash-loop", applied: [{ patch }] }]);
    expect(host.agent.patches.get(patch)).toMatchObject({ state: "applied" });
    expect(host.engine.pidsWith(patch)).toHaveLength(1);
  });

  it("of a boot that ended while it stayed and nobody had asked it to stop, and not of one that was to end", async () => {
    await stay(600_000, false);
    bootedAt = seconds() + 30;
    await open("boot-2");
    await stay(600_000);
    expect(service.incidents).toMatchObject([{ kind: "reboot", at: bootedAt, applied: [{ patch }] }]);

    await open("boot-3");
    await stay(600_000, false);
    shutdowns = [seconds()];
    host.clock.millis += 30_000;
    await open("boot-4");
    await stay(600_000, false);
    await open("boot-4");
    await stay(600_000);
    expect(service.incidents).toHaveLength(1);

    // It was asked to stop, but the host that wrote down a shutdown before wrote none this time
    host.clock.millis += 1000;
    await open("boot-5");
    await stay(600_000);
    expect(service.incidents).toMatchObject([
      { kind: "reboot" },
      { detail: expect.stringContaining("list of shutdowns") },
    ]);
  });
});
