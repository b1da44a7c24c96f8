import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { status } from "../commands/status.ts";
import { configWith } from "../config/config.ts";
import { runRound } from "../round/round.ts";

let directory: string;
let service: TestService;
let host: TestHost;
let patch: string;
beforeEach(async () => {
  ({ directory, service, host } = await servedHost({ millis: Date.now() }));
  const apply = await service.publish("fix", buildId);
  patch = apply.patch;
  service.actions = [apply];
  await round();
  for (const [name, value] of Object.entries({ "pins.json": [], "refusals.json": [], "waiting.json": {} }))
    writeFileSync(join(host.state, name), JSON.stringify(value));
});
afterEach(() => rmSync(directory, { recursive: true }));

const round = () => runRound(host.agent, { force: true });
const shown = () => status({ config: configWith({ state: host.state }) });

/** What can become of a file: by a crash of the disk, or by somebody who may write there. */
const damages: Record<string, (path: string) => void> = {
  empty: (path) => writeFileSync(path, ""),
  half: (path) => {
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length / 2));
  },
  garbage: (path) => writeFileSync(path, Buffer.from([0xff, 0x00, 0xd8, 0x7b])),
  "of another shape": (path) => writeFileSync(path, '{"__proto__":{"a":1},"x":[null]}'),
  "a FIFO": (path) => {
    rmSync(path);
    execFileSync("mkfifo", [path]);
  },
  "a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
};

it.each(Object.keys(damages))("a cache that is %s is set aside, the round goes on, and status says so", async (how) => {
  const caches = ["sightings.json", "pins.json", "refusals.json", "waiting.json"];
  const repositories = readdirSync(join(host.state, "repositories")).map((name) => `repositories/${name}`);
  expect(repositories.length).toBeGreaterThan(0);
  for (const name of [...caches, ...repositories]) {
    if (name === "sightings.json") writeFileSync(join(host.state, name), "{}");
    damages[how]?.(join(host.state, name));
  }
  await round();
  await shown();
  const { json, exit, text } = await shown();
  const { setAside } = json as { setAside: string[] };
  expect(setAside).toEqual(
    expect.arrayContaining(["pins.json.damaged", ...repositories.map((name) => `${name}.damaged`)]),
  );
  expect(exit).toBe(4);
  expect(text).toContain("pins.json.damaged was set aside");
  expect(host.engine.pidsWith(patch)).toEqual([1, 2]);
});

it.each(Object.keys(damages))(
  "what the agent must know and is %s stops the round, and status never says that all is well",
  async (how) => {
    writeFileSync(join(host.state, "recalled.json"), "[]");
    for (const name of ["journal.json", "recalled.json", "session.json", "identity.json"]) {
      const path = join(host.state, name);
      const before = name === "journal.json" ? undefined : readFileSync(path);
      if (before === undefined) writeFileSync(path, "{ half");
      damages[how]?.(path);
      await expect(shown(), name).rejects.toMatchObject({ code: "state-damaged" });
      rmSync(path, { recursive: true });
      if (before !== undefined) writeFileSync(path, before);
    }
    expect(host.engine.pidsWith(patch)).toEqual([1, 2]);
  },
);

it("a damaged receipt is set aside by itself, the others reach the service, and its number is not given again", async () => {
  const folder = join(host.state, "receipts");
  const [first = ""] = readdirSync(folder);
  writeFileSync(join(folder, first), "{");
  const { sequence } = await host.agent.outbox.add({
    patch,
    manifest: "0".repeat(64),
    action: "apply",
    code: "applied",
    detail: `cut within an emoji ${"\u{1f534}".slice(0, 1)}`,
    evidence: {},
    planSeq: 1,
    at: 1_764_028_800,
  });
  expect(sequence).toBe(Number.parseInt(first, 10) + 1);
  expect(host.agent.outbox.waiting().map(({ said }) => said.sequence)).toEqual([sequence]);
  expect(host.agent.outbox.waiting()[0]?.said).toMatchObject({ detail: "cut within an emoji \ufffd" });
  expect(host.agent.outbox.all()).toHaveLength(1);
  expect(readdirSync(folder)).toContain(`${first}.damaged`);
});
