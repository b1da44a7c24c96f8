import { afterAll, beforeAll, expect, it } from "vitest";
import { runRound } from "../../agent/round/round.ts";
import { pollUntil, startWholeService, type WholeService } from "../support/whole/service.ts";

let service: WholeService;
beforeAll(async () => {
  service = await startWholeService();
});
afterAll(() => service.stop());

it("an operator's recall is undone by each machine that polls, says how long that took, and calls no other one undone", async () => {
  const patch = await service.publish("recalled");
  const [polling, off] = [await service.newHost(), await service.newHost()];
  for (const host of [polling, off]) await pollUntil(host, () => host.engine.pidsWith(patch).length === 2);
  expect(await service.suture(["recalls", patch])).toMatchObject({ recalled: false });

  const recall = await service.suture(["recall", patch, "--reason", "it corrupts"]);
  expect(recall).toMatchObject({ patch, by: "operator", public: true, undone: 0, pending: 2, slowestSeconds: null });
  await pollUntil(polling, () => polling.engine.pidsWith(patch).length === 0);
  // The receipt goes with the round that undid it
  expect(await service.suture(["recalls", patch])).toMatchObject({ undone: 1, pending: 1, reason: "it corrupts" });
  const { machines } = await service.suture(["recalls", "--customer", "globex"]);
  expect(machines).toEqual(
    expect.arrayContaining([
      expect.objectContaining({
        machine: polling.agent.enrolment.machine,
        state: "undone",
        seconds: expect.any(Number),
      }),
      expect.objectContaining({ machine: off.agent.enrolment.machine, state: "undo-pending", seconds: null }),
    ]),
  );
  expect(polling.agent.patches.recalled().has(patch)).toBe(true);
  // Said again it is the same recall
  expect(await service.suture(["recall", patch, "--reason", "again"])).toMatchObject({ reason: "it corrupts" });
});

it("nothing of a stopped vendor is newly applied, whatever was published, until the stop is lifted; both are logged", async () => {
  const host = await service.newHost();
  await runRound(host.agent, { force: true });
  expect(await service.suture(["vendor", "stop", "acme", "--reason", "a key was stolen"])).toMatchObject({
    stopped: true,
    public: true,
  });
  const patch = await service.publish("later");
  await pollUntil(host, () => host.agent.session.read()?.plan?.holds.some((each) => each.patch === patch) ?? false);
  expect(host.agent.session.read()?.plan?.holds).toContainEqual({ patch, because: "vendor-stopped" });
  expect(host.engine.pidsWith(patch)).toEqual([]);

  await service.suture(["vendor", "resume", "acme", "--reason", "a new key"]);
  await pollUntil(host, () => host.engine.pidsWith(patch).length === 2);
  const { entries } = await service.suture(["audit", "--vendor", "acme"], { SUTURE_TOKEN: service.stack.token });
  const stops = entries.filter(({ what }: { what: string }) => what === "PUT /v1/vendors/acme/stop");
  expect(stops.map(({ after }: { after: { stopped: boolean } }) => after.stopped)).toEqual([false, true]);
});

it("a machine whose newest version is withdrawn ends with the earlier one where the vendor restores it, and the vendor is asked first", async () => {
  const first = await service.publish("restored");
  const host = await service.newHost();
  await pollUntil(host, () => host.engine.pidsWith(first).length === 2);
  const second = await service.publish("restored", { version: 2 });
  await pollUntil(host, () => host.engine.pidsWith(second).length === 2);
  const adopted = async () =>
    (await service.suture(["show", second, "--vendor", "acme"], {})).adoption.machines.applied;
  await expect.poll(adopted, { timeout: 30_000 }).toBe(1);

  const withdraw = ["withdraw", second, "--vendor", "acme", "--reason", "it leaks"];
  const { code, out } = await service.run([...withdraw, "--json"], {});
  expect(code).toBe(4);
  expect(JSON.parse(out).error).toMatchObject({ code: "conflict", machines: 1, former: [first] });
  expect(await service.suture([...withdraw, "--restore"], {})).toMatchObject({ withdrawn: true, restored: [first] });
  await pollUntil(host, () => host.engine.pidsWith(first).length === 2 && host.engine.pidsWith(second).length === 0);
  const { patches } = await service.suture(["list", "--vendor", "acme"], {});
  const stateOf = (id: string) => patches.find((each: { id: string }) => each.id === id).state;
  expect([stateOf(first), stateOf(second)]).toEqual(["live", "withdrawn"]);
});
