import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildId, newHost } from "../test/support/agent/host.ts";
import { problem, testService } from "../test/support/agent/service.ts";
import { runRound } from "./round.ts";
import { settle } from "./settle.ts";

it("with every function of the service down, recalls are learned from its public files, and what is applied stays until a plan", async () => {
  const directory = mkdtempSync(join(tmpdir(), "suture-agent-"));
  try {
    const clock = { millis: Date.parse("2026-11-25T12:00:00Z") };
    const service = await testService(() => clock.millis);
    const { agent, engine, events } = await newHost(service, { directory, clock });
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
    const { processes, staged } = engine.read();
    engine.write({ processes: { [buildId]: [...(processes[buildId] ?? []), { pid: 9, patches: [] }] }, staged });
    await settle(agent);
    expect([engine.pidsWith(good.patch), engine.pidsWith(bad.patch)]).toEqual([
      [1, 2, 9],
      [1, 2],
    ]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
