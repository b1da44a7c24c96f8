import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { machineIdOf } from "../../protocol/trust/request.ts";
import { buildId, newHost, openHost, servedHost } from "../../test/support/agent/host.ts";
import { rekeyHost, retires } from "../../test/support/agent/rekeying.ts";
import { testService } from "../../test/support/agent/service.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { runRound } from "../round/round.ts";
import { enrolmentFile } from "./identity.ts";
import { nextIdentityFolder, takeNextIdentity } from "./next-identity.ts";

const disk = vi.hoisted(
  (): { current?: ReturnType<typeof import("../../test/support/agent/failing-disk.ts").failingDisk> } => ({}),
);
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const { failingDisk } = await import("../../test/support/agent/failing-disk.ts");
  disk.current = failingDisk(real);
  return { ...real, ...disk.current.calls };
});

const clock = { millis: Date.now() };
/** Every operation where there is time, each fifth where all tests are to take minutes. */
const stride = process.env.SUTURE_TEST_ALL === undefined ? 5 : 1;

it("whenever the power fails while a patch is applied, replaced and reported, the next start is whole and comes to the same end", async () => {
  const service = await testService(() => clock.millis);
  const first = await service.publish("fix", buildId);
  const second = await service.publish("better", buildId, { supersedes: ["fix@1"] });
  const orders = [[first], [{ do: "undo", patch: first.patch, because: "superseded" } as const, second]];
  const failing = disk.current;
  if (failing === undefined) throw new Error("The disk is not in between");
  const start = clock.millis;
  let operations = 0;
  for (let fails = true; fails; operations += stride) {
    const directory = mkdtempSync(join(tmpdir(), "suture-power-"));
    const host = await newHost(service, { directory, clock });
    failing.failAt(host.state, operations);
    for (const actions of orders) {
      service.actions = actions;
      await runRound(host.agent, { force: true }).catch(() => undefined);
    }
    fails = failing.restore();

    // Its processes went with the power
    host.engine.write({ processes: { [buildId]: [3, 4].map((pid) => ({ pid, patches: [] })) }, staged: [] });
    const { agent, engine } = await openHost({ directory, clock, http: service.http, bootId: "after" });
    await recover(agent);
    await settle(agent);
    const applied = agent.patches
      .all()
      .filter(({ state }) => state === "applied")
      .map(({ patch }) => patch);
    for (const patch of [first.patch, second.patch]) {
      expect(engine.pidsWith(patch), `${patch} after operation ${operations}`).toEqual(
        applied.includes(patch) ? [3, 4] : [],
      );
    }
    // An hour later what was cut off is tried again
    clock.millis += 3_700_000;
    service.actions = [second];
    if (applied.includes(first.patch)) service.actions = orders[1] ?? [];
    await runRound(agent, { force: true });
    expect(engine.pidsWith(second.patch), `after operation ${operations}`).toEqual([3, 4]);
    expect(engine.pidsWith(first.patch)).toEqual([]);
    expect(agent.journal.read()).toBeUndefined();
    expect(agent.outbox.waiting()).toEqual([]);
    rmSync(directory, { recursive: true });
    clock.millis = start;
  }
  expect(operations).toBeGreaterThan(100);
}, 300_000);

it("whenever the power fails while a host gets a new key, the next start is a whole machine, and no third key is made", async () => {
  const failing = disk.current;
  if (failing === undefined) throw new Error("The disk is not in between");
  let [operations, ended] = [0, 0];
  for (let fails = true; fails; operations++) {
    const { directory, service, host } = await servedHost();
    const scene = { directory, service, host };
    service.intercept = retires({ host });
    const was = host.agent.enrolment.machine;
    failing.failAt(host.state, operations);
    await rekeyHost(scene).catch(() => undefined);
    fails = failing.restore();

    const next = enrolmentFile(nextIdentityFolder(host.state)).read();
    takeNextIdentity(host.state);
    const { agent } = await openHost({ directory, clock: host.clock, http: service.http });
    expect(machineIdOf(agent.keys.publicKey), `after operation ${operations}`).toBe(agent.enrolment.machine);
    expect([was, next?.machine ?? agent.enrolment.machine]).toContain(agent.enrolment.machine);
    const done = agent.enrolment.machine === was ? await rekeyHost({ ...scene, host: { ...host, agent } }) : undefined;
    if (done === undefined) ended++;
    else if (next !== undefined) expect(done.machine).toBe(next.machine);
    service.intercept = () => undefined;
    const { agent: last } = await openHost({ directory, clock: host.clock, http: service.http });
    await runRound(last, { force: true });
    expect(service.checkIns.at(-1)?.machine).not.toBe(was);
    rmSync(directory, { recursive: true });
  }
  expect(operations).toBeGreaterThan(15);
  expect(ended).toBeGreaterThan(5);
});
