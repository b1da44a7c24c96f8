import { afterAll, beforeAll, expect, it } from "vitest";
import { status } from "../../agent/commands/status.ts";
import { configWith } from "../../agent/config/config.ts";
import { settle } from "../../agent/patches/settle.ts";
import { runRound } from "../../agent/round/round.ts";
import { nodeHttp } from "../../agent/system/http.ts";
import { SutureError } from "../../protocol/errors.ts";
import { buildId } from "../support/agent/host.ts";
import { pollUntil, startWholeService, type WholeService } from "../support/whole/service.ts";

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service.stop());

it("with every function stopped, agents apply what a plan gave them, keep what is applied, learn recalls, say so, and recover", async () => {
  let bundles = true;
  const host = await service.newHost(async (request) => {
    if (!bundles && request.url.includes("/bundles/")) throw new SutureError("unreachable", "the line broke");
    return await nodeHttp(request);
  });
  const { agent, engine, events } = host;
  const bad = await service.publish("bad");
  await pollUntil(host, () => engine.pidsWith(bad).length === 2);

  // A plan orders a second patch, whose bundle cannot be had in that moment; then the first is recalled, and all functions stop
  bundles = false;
  const good = await service.publish("good");
  await expect(pollUntil(host, () => false)).rejects.toMatchObject({ code: "unreachable" });
  expect(engine.pidsWith(good)).toEqual([]);
  await service.suture(["recall", bad, "--reason", "it corrupts"]);
  await service.stopFunctions();
  bundles = true;

  await expect(runRound(agent, { force: false })).rejects.toMatchObject({ code: "unavailable" });
  expect(engine.pidsWith(good)).toEqual([1, 2]);
  expect(engine.pidsWith(bad)).toEqual([1, 2]);
  expect([...agent.patches.recalled()]).toEqual([bad]);
  expect(events).toContainEqual(expect.objectContaining({ event: "incomplete", patch: bad, code: "recalled" }));
  const { processes, staged } = engine.read();
  engine.write({ processes: { [buildId]: [...(processes[buildId] ?? []), { pid: 9, patches: [] }] }, staged });
  await settle(agent);
  expect([engine.pidsWith(good), engine.pidsWith(bad)]).toEqual([
    [1, 2, 9],
    [1, 2],
  ]);
  const shown = await status({ config: configWith({ state: host.state }) });
  expect(shown.json).toMatchObject({ freshness: "fresh", serviceAwaySince: expect.any(String) });
  expect(shown.text).toContain("does not answer since");
  // What was carried out is not carried out again
  const plans = events.filter(({ event }) => event === "plan").length;
  await expect(runRound(agent, { force: false })).rejects.toMatchObject({ code: "unavailable" });
  expect(events.filter(({ event }) => event === "plan")).toHaveLength(plans);

  await service.startFunctions();
  await pollUntil(host, () => engine.pidsWith(bad).length === 0);
  expect(agent.outbox.waiting()).toEqual([]);
  expect((await status({ config: configWith({ state: host.state }) })).json).toMatchObject({ serviceAwaySince: null });
});
