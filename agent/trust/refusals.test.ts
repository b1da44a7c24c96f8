import { rmSync } from "node:fs";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import { Refusals } from "../../protocol/wire/refusal.ts";
import { memoryFile } from "../../test/sim/memory-state.ts";
import { buildId, servedHost, type TestHost } from "../../test/support/agent/host.ts";
import type { TestService } from "../../test/support/agent/service.ts";
import { standingChecks } from "../checks/standing.ts";
import { explain } from "../commands/explain.ts";
import { exitCode } from "../commands/output.ts";
import { status } from "../commands/status.ts";
import { readConfig } from "../config/read.ts";
import { runRound } from "../round/round.ts";
import { required } from "../state/json-file.ts";
import { refusalsIn } from "./refusals.ts";

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000];
let start: number;
let directory: string;
let service: TestService;
let host: TestHost;
const round = (force = false) => runRound(host.agent, { force });
const told = () => service.checkIns.at(-1)?.facts.refusals;

beforeEach(async () => {
  ({ directory, service, host } = await servedHost());
  start = host.clock.millis;
  await round();
});
afterEach(() => rmSync(directory, { recursive: true }));

it("tells of a refused plan in the next check-in, that it is over in the one after, and then polls again", async () => {
  service.bendPlan = (plan) => ({ ...plan, machine: `m-${"0".repeat(32)}` });
  await expect(round(true)).rejects.toMatchObject({ code: "wrong-machine" });
  service.bendPlan = (plan) => plan;

  host.clock.millis += minute;
  await round();
  const since = start / 1000;
  expect(told()).toMatchObject([{ of: "plan", code: "wrong-machine", since, last: since }]);
  expect(told()?.[0]).not.toHaveProperty("over");
  await round();
  expect(told()).toMatchObject([{ of: "plan", code: "wrong-machine", since, over: since + 60 }]);
  const checkIns = service.checkIns.length;
  expect(await round()).toMatchObject({ kind: "nothing-new" });
  expect(service.checkIns).toHaveLength(checkIns);

  host.clock.millis += 7 * day;
  await service.republishOwn();
  await round(true);
  await round(true);
  expect(told()).toBeUndefined();
});

it("ends the refusal of a vendor's metadata only when that is verified again", async () => {
  const apply = await service.publish("fix", buildId);
  const good = service.files.get("acme/timestamp.json") ?? Buffer.alloc(0);
  service.files.set("acme/timestamp.json", Buffer.from("{}"));
  service.actions = [apply];
  await round(true);
  service.actions = [];
  await round(true);
  expect(told()).toMatchObject([{ of: "metadata", name: "acme", code: "untrusted-metadata" }]);
  expect(told()?.[0]).not.toHaveProperty("over");
  service.files.set("acme/timestamp.json", good);
  service.actions = [apply];
  await round(true);
  await round(true);
  expect(told()?.[0]).toHaveProperty("over");
});

it("says so on the host, of each patch that it may concern", async () => {
  service.bendPlan = (plan) => ({ ...plan, seq: plan.seq - 1 });
  await expect(round(true)).rejects.toMatchObject({ code: "plan-invalid" });
  const { config } = await readConfig({ folder: directory, state: host.state, environment: {} });
  const said = await status({ config });
  expect(said.exit).toBe(exitCode.attention);
  expect(said.text).toContain(`refused   a plan since ${new Date(start).toISOString()}, STILL`);
  expect(said.json).toMatchObject({ refusals: [{ of: "plan", code: "plan-invalid" }] });
  const standing = standingChecks(host.state, required(host.agent.session, "session.json"));
  expect(standing).toContainEqual(expect.objectContaining({ name: "refused", ok: false }));
  const why = await explain({ config, patch: "acme/echod/stable/fix@1" });
  expect(why.text).toContain("This host refuses a plan since");
});

it("writes one that goes on once an hour, and keeps no more than eight", () => {
  const time = { millis: start };
  const written: Refusals[] = [];
  const file = memoryFile<Refusals>();
  const refusals = refusalsIn(
    {
      ...file,
      write(value) {
        written.push(Refusals.parse(value));
        file.write(value);
      },
    },
    { now: () => time.millis, sleep: async () => {} },
  );
  const stale = new SutureError("metadata-expired", "x".repeat(900));
  for (let at = 0; at < 120; at++) {
    refusals.note({ of: "metadata", name: "acme" }, stale);
    time.millis += minute;
  }
  expect(written).toHaveLength(2);
  expect(refusals.all()).toMatchObject([{ since: start / 1000, last: (start + hour) / 1000 }]);
  refusals.note({ of: "plan", name: "" }, new SutureError("unreachable", "away"));
  refusals.note({ of: "plan", name: "" }, new TypeError("a mistake"));
  expect(written).toHaveLength(2);
  for (let at = 0; at < 20; at++) refusals.note({ of: "release", name: `0.0.${at}` }, stale);
  expect(refusals.all().map(({ name }) => name)).toEqual([19, 18, 17, 16, 15, 14, 13, 12].map((at) => `0.0.${at}`));
});
