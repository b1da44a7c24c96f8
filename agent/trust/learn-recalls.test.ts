import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import { problem, type TestService } from "../../test/support/agent/service.ts";
import { settle } from "../patches/settle.ts";
import { runRound } from "../round/round.ts";

let directory: string;
let service: TestService;
let host: TestHost;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
});
afterEach(() => rmSync(directory, { recursive: true }));

/** A process that starts later than the patch came. */
function startProcess(): void {
  const { processes, staged } = host.engine.read();
  host.engine.write({ processes: { [buildId]: [...(processes[buildId] ?? []), { pid: 9, patches: [] }] }, staged });
}

it("with every function of the service down, recalls are learned from its public files, and what is applied stays until a plan", async () => {
  const { agent, engine, events } = host;
  const [good, bad] = [await service.publish("good", buildId), await service.publish("bad", buildId)];
  service.actions = [good, bad];
  await runRound(agent, { force: true });

  service.intercept = ({ url }) => (url.includes("/tuf/") ? undefined : problem("unavailable"));
  await service.recall("bad@1");
  for (let round = 0; round < 2; round++)
    await expect(runRound(agent, { force: false })).rejects.toMatchObject({ code: "unavailable" });
  expect(events.filter((event) => event.event === "incomplete")).toMatchObject([
    { patch: bad.patch, code: "recalled" },
  ]);
  startProcess();
  await settle(agent);
  expect([engine.pidsWith(good.patch), engine.pidsWith(bad.patch)]).toEqual([
    [1, 2, 9],
    [1, 2],
  ]);
});

it("a recalled patch goes into no new process within its health window either", async () => {
  const { agent, engine } = host;
  const bad = await service.publish("bad", buildId, { health: { windowSeconds: 600, checks: [] } });
  service.actions = [bad];
  await runRound(agent, { force: true });
  service.actions = [];
  await service.recall("bad@1");
  await runRound(agent, { force: true });
  startProcess();
  await settle(agent);
  expect(engine.pidsWith(bad.patch)).toEqual([1, 2]);
});

it("the recall of a patch that is kept for another kernel is learned too: that kernel may be booted offline", async () => {
  const { agent } = host;
  const bad = await service.publish("bad", buildId);
  service.actions = [bad];
  await runRound(agent, { force: true });
  const record = agent.patches.get(bad.patch);
  if (record === undefined) throw new Error("not recorded");
  agent.patches.put({ ...record, state: "not-applicable" });
  service.actions = [];
  await service.recall("bad@1");
  await runRound(agent, { force: true });
  expect([...agent.patches.recalled()]).toEqual([bad.patch]);
});
