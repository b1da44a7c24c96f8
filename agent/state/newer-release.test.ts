import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildId, openHost, servedHost } from "../../test/support/agent/host.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { runRound } from "../round/round.ts";

/** Adds to each object of a file what this release has never heard of; what a vendor signed stays as it is. */
function addLater(value: unknown, name = ""): unknown {
  if (typeof value !== "object" || value === null || ["variants", "health"].includes(name)) return value;
  if (Array.isArray(value)) return value.map((each) => addLater(each));
  return { ...Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, addLater(inner, key)])), later: 1 };
}

const ownFiles = ["session.json", "plan.json", "sightings.json", "journal.json", "patches", "holds"];

it("what a newer release wrote, which was then taken back, keeps no earlier one from its work", async () => {
  const { directory, service, host } = await servedHost();
  const apply = await service.publish("fix", buildId);
  service.actions = [apply];
  await runRound(host.agent, { force: true });
  const written = readdirSync(host.state, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json") && ownFiles.some((each) => name.startsWith(each)))
    .map((name) => join(host.state, name));
  expect(written.length).toBeGreaterThan(1);
  for (const file of written) writeFileSync(file, JSON.stringify(addLater(JSON.parse(readFileSync(file, "utf8")))));

  const { agent, engine } = await openHost({ directory, clock: host.clock, http: service.http });
  await recover(agent);
  await settle(agent);
  expect(await runRound(agent, { force: true })).toMatchObject({ kind: "plan" });
  expect(agent.patches.get(apply.patch)?.state).toBe("applied");
  expect(engine.pidsWith(apply.patch)).toHaveLength(2);
  rmSync(directory, { recursive: true });
});
