import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { canonicalClient } from "../../agent/engines/canonical/client.ts";
import { hostCommands } from "../../agent/engines/delegated/commands.ts";
import { createDelegatedEngine } from "../../agent/engines/delegated/engine.ts";
import { settle } from "../../agent/patches/settle.ts";
import { systemClock } from "../../agent/system/clock.ts";
import { installStandIn } from "../support/clients/executable.ts";
import { pollUntil, startWholeService, type WholeService } from "../support/whole/service.ts";

let service: WholeService;
let tools: string;
beforeAll(async () => {
  service = await startWholeService();
  tools = mkdtempSync(join(tmpdir(), "suture-tools-"));
});
afterAll(async () => {
  await service.stop();
  rmSync(tools, { recursive: true });
});

it("a level that a vendor publishes is what another's client is told to bring; recalled, it waits for a person", async () => {
  installStandIn("canonical", tools);
  const { agent, ...host } = await service.newHost();
  const commands = hostCommands(tools, [tools]);
  const canonical = createDelegatedEngine({
    client: canonicalClient(commands),
    host: agent.host,
    clock: systemClock,
    directory: join(tools, "records"),
  });
  const engines = new Map([...agent.engines, ["canonical", canonical] as const]);
  const ubuntu = { ...host, agent: { ...agent, engines } };
  const stateOf = (patch: string) => agent.patches.get(patch)?.state;

  const wanted = await service.publish("level", { variants: [{ engine: "canonical", level: "104.1" }] });
  await pollUntil(ubuntu, () => stateOf(wanted) === "applied");
  expect(await canonical.list()).toEqual([{ id: wanted, targets: [{ name: "canonical 104.1" }] }]);

  const beyond = await service.publish("beyond", { variants: [{ engine: "canonical", level: "999.1" }] });
  await pollUntil(ubuntu, () => stateOf(beyond) === "not-applicable");
  expect(agent.patches.get(beyond)?.detail).toBe("its newest is 104.1, short of 999.1");

  await service.suture(["recall", wanted, "--reason", "it corrupts"]);
  await pollUntil(ubuntu, () => stateOf(wanted) === "undo-pending");
  await settle(ubuntu.agent);
  expect(agent.patches.get(wanted)?.detail).toContain("set its cutoff-date to before this patch, and reboot");
  // As after a reboot
  installStandIn("canonical", tools);
  await settle(ubuntu.agent);
  expect(stateOf(wanted)).toBe("undone");
});
