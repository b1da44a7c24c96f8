import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildId, newHost } from "../../test/support/agent/host.ts";
import { problem, testService } from "../../test/support/agent/service.ts";
import { eventLog } from "../commands/event-log.ts";
import { status } from "../commands/status.ts";
import { configWith } from "../config/config.ts";
import { runRound } from "../round/round.ts";
import { required } from "./json-file.ts";

it("nothing that is kept can be read by another user, and nothing that is said holds a secret", async () => {
  const before = process.umask(0);
  const directory = mkdtempSync(join(tmpdir(), "suture-secrecy-"));
  const clock = { millis: Date.now() };
  const service = await testService(() => clock.millis);
  const host = await newHost(service, { directory, clock });
  service.actions = [await service.publish("fix", buildId)];
  service.intercept = ({ url }) => (url.includes("/bundles") ? problem("unavailable") : undefined);
  await runRound(host.agent, { force: true }).catch(() => undefined);
  const { ticket } = required(host.agent.session, "session.json");
  const kept = host.agent.keptPlan.read();
  service.intercept = () => undefined;
  await runRound(host.agent, { force: true });
  process.umask(before);

  const names = readdirSync(host.state, { recursive: true, encoding: "utf8" });
  expect(names.length).toBeGreaterThan(10);
  for (const name of ["", ...names]) {
    expect(statSync(join(host.state, name)).mode & 0o077, `${name} is for its owner only`).toBe(0);
  }

  const lines: string[] = [];
  const log = eventLog((line) => lines.push(line), { isJournal: false, now: () => clock.millis });
  for (const event of host.events) log(event);
  const shown = await status({ config: configWith({ state: host.state }) });
  const said = [...lines, JSON.stringify(host.events), shown.text, JSON.stringify(shown.json)].join("\n");
  const { d: key } = JSON.parse(readFileSync(join(host.state, "key.json"), "utf8"));
  const current = required(host.agent.session, "session.json").ticket;
  const secrets = [key, service.token, ticket, current, kept?.plan, ...Object.values(kept?.downloads ?? {})];
  for (const secret of secrets) if (secret) expect(said).not.toContain(secret);
  expect(secrets.filter(Boolean).length).toBeGreaterThan(3);
  rmSync(directory, { recursive: true });
});
