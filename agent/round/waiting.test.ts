import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { fakeKernel } from "../../test/support/klp/fake-kernel.ts";
import { klpPatch } from "../../test/support/klp/patch.ts";
import type { Agent } from "../agent.ts";
import { createKlpEngine } from "../engines/klp/engine.ts";
import type { Progress } from "../engines/klp/transition.ts";
import { takeStep } from "../patches/steps.ts";
import { tellWaiting } from "./waiting.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

const patch = klpPatch("acme/linux/stable/fix@1", { module: "acme_fix", stallSeconds: 70 });

/** Applies a patch while a task stays in the old code. */
async function stall(isOnline: boolean) {
  const fake = fakeKernel(host.agent.clock, {});
  let tell: (progress: Progress) => void = () => {};
  const engine = createKlpEngine({
    kernel: fake.kernel,
    clock: host.agent.clock,
    bootId: "boot",
    directory: join(directory, "klp"),
    onProgress: (progress) => tell(progress),
  });
  const agent: Agent = { ...host.agent, engines: new Map([["klp", engine]]) };
  tell = tellWaiting(agent, isOnline);
  fake.occupy(77, "worker");
  expect(await takeStep(agent, [patch], "apply")).toMatchObject({ code: "stalled" });
  return host.events.filter(({ event }) => event === "waiting").length;
}

test("what a transition waits for is kept for whoever asks, and told to the service every half a minute", async () => {
  const since = Math.floor(host.clock.millis / 1000);
  expect(await stall(true)).toBeGreaterThan(10);
  const waiting = { patch: patch.id, action: "apply", tasks: [{ task: "worker", pid: 77 }] };
  expect(host.agent.waiting.read()).toMatchObject({ ...waiting, since: expect.closeTo(since, -1) });
  await expect.poll(() => service.waiting.length).toBe(3);
  expect(service.waiting[0]).toMatchObject(waiting);
});

test("a service that is away, or not to be asked at boot, keeps no patch from its way", async () => {
  await stall(false);
  expect(service.waiting).toEqual([]);
  service.intercept = () => {
    throw new Error("away");
  };
  await stall(true);
  expect(service.waiting).toEqual([]);
});
