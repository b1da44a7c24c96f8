import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { SutureError } from "../../../protocol/errors.ts";
import { type Echod, startEchod } from "../echod.ts";
import { type Load, startLoad } from "../load.ts";
import type { Stack } from "../stack.ts";
import { type Cast, gatherCast } from "./cast.ts";
import { type RunningAgent, runAgent } from "./programs.ts";
import { buildSample, type SamplePatch } from "./sample-patch.ts";
import type { Timeline } from "./timeline.ts";

/** No step takes this long unless something is wrong; milliseconds. */
const patience = 60_000;

/** Everything that the demonstration plays with, running. */
export type Scene = {
  stack: Pick<Stack, "url" | "token" | "stores"> & Partial<Pick<Stack, "identity">>;
  dataDir: string;
  timeline: Timeline;
  cast: Cast;
  sample: SamplePatch;
  echod: Echod;
  load: Load;
  machine: string;
  startAgent(): RunningAgent;
  stop(): Promise<void>;
};

/**
 * Builds and starts the sample server and its load, makes the vendor and the customer, and enrols this host.
 * @throws SutureError `no-compiler`
 */
export async function setScene(stack: Scene["stack"], dataDir: string, timeline: Timeline): Promise<Scene> {
  const sample = await buildSample(join(dataDir, "sample"));
  timeline.step("built the sample server, and the vendor's fix for it");
  const echod = await startEchod(sample.binary);
  const load = await startLoad({ port: echod.port });
  timeline.step(
    `the server runs as process ${echod.pid} on port ${echod.port}, 64 connections send requests and check each reply`,
  );
  const cast = await gatherCast(stack, dataDir);
  timeline.step("vendor acme has its keys and its repository; customer globex subscribes to acme/echod/stable");
  const stateDir = join(dataDir, "agent");
  const machine = await cast.enrol(stateDir);
  timeline.step(`this host is enrolled as ${machine}`);

  let agent: RunningAgent | undefined;
  return {
    stack,
    dataDir,
    timeline,
    cast,
    sample,
    echod,
    load,
    machine,
    startAgent() {
      agent = runAgent(stateDir, join(dataDir, "agent.log"));
      return agent;
    },
    async stop() {
      await agent?.stop();
      await load.stop();
      await echod.stop();
    },
  };
}

/**
 * Waits until something holds, and says how long it took in milliseconds.
 * @throws SutureError `unavailable` when it did not in a minute
 */
export async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const started = performance.now();
  while (!(await holds())) {
    if (performance.now() - started > patience)
      throw new SutureError("unavailable", `Waited a minute in vain until ${what}`);
    await sleep(20);
  }
  return Math.round(performance.now() - started);
}

/** Whether the service has the machine's receipt that brought the patch to this state. */
export async function isReported(
  scene: { stack: Pick<Stack, "stores">; machine: string },
  patchId: string,
  state: "applied" | "undone",
): Promise<boolean> {
  const { items } = await scene.stack.stores.states.listByMachine(scene.machine, { limit: 100 });
  return items.some((each) => each.patchId === patchId && each.state === state);
}
