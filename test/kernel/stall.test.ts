import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, missing, openLab, state } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("stall");
}, 600_000);
afterAll(() => lab?.stop());

const sleeper = "(echo x >/proc/suture_target) & echo $! >/tmp/sleeper; sleep 1";

test("items 3, 6: a stall is told while it lasts, taken back at its deadline with who stood in the way, and ended by a person's force alone, in and out", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot({ cpus: 4 });
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/suture_target.ko; ${sleeper}`);
  const patch = await service.publish({ modules, module: "suture_wait", patch: "wait-fix", stallSeconds: 60 });

  await guest.must(
    `(/share/node /share/agent.cjs once --check-in ${state} >/tmp/once.txt 2>&1; echo code $? >>/tmp/once.txt) &`,
  );
  await guest.must("until [ -e /state/agent/waiting.json ]; do sleep 0.25; done");
  expect((await guest.agent(`status ${state}`)).json).toMatchObject({
    running: true,
    waiting: { patch, action: "apply", tasks: [{ task: "sh" }] },
  });
  await guest.must("until grep -q '^code' /tmp/once.txt; do sleep 0.5; done");
  const tried = { output: await guest.must("cat /tmp/once.txt") };
  expect(tried.output).toMatch(/code 4$/);
  expect(tried.output).toMatch(/waiting for \d+ s: sh \(\d+\)/);
  const told = await service.stores.machines.get(machine);
  expect(told?.waiting).toMatchObject({ patch, action: "apply", tasks: [{ task: "sh" }] });
  expect(tried.output).toContain("did not leave the old code");
  expect(await guest.must("ls /sys/kernel/livepatch; lsmod | grep suture_wait; true")).toBe("");
  expect(await service.stateOf(machine, patch)).toMatchObject({ state: "stalled" });
  const { json } = await guest.agent(`history ${state}`);
  expect(json).toMatchObject({
    receipts: [
      { code: "stalled", evidence: { blockers: [{ task: "sh", stack: expect.stringContaining("target_wait") }] } },
    ],
  });
  // The plan's schedule: not again at once
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true, results: [] });
  expect((await guest.agent(`status ${state}`)).json).toMatchObject({
    notApplied: [{ patch, because: "stalled-before" }],
  });

  const refused = await guest.run(`echo yes | /share/node /share/agent.cjs force ${patch} ${state}`);
  expect(refused.code).toBe(2);
  expect(refused.output).toContain("may corrupt data or crash");
  const forced = await guest.run(`echo ${patch} | /share/node /share/agent.cjs force ${patch} ${state}`);
  expect(forced).toMatchObject({ code: 0, output: expect.stringContaining("by force") });
  expect(await guest.must("cat /sys/kernel/livepatch/suture_wait/transition")).toBe("0");

  // And out: a task sleeps in the new code now
  await guest.must(sleeper);
  const pending = await guest.agent(`undo ${patch} ${state}`);
  expect(pending).toMatchObject({ code: 4, json: { state: "undo-pending" } });
  const out = await guest.run(`echo ${patch} | /share/node /share/agent.cjs force ${patch} ${state}`);
  expect(out).toMatchObject({ code: 0, output: expect.stringContaining("until a reboot") });
  expect(await guest.must("ls /sys/kernel/livepatch; lsmod | grep -c suture_wait")).toBe("1");
  await guest.agent(`release ${patch} ${state}`);
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ results: [{ code: "needs-reboot" }] });
  expect(await guest.agent(`status ${state}`)).toMatchObject({ code: 5, json: { reboot: { why: "patch" } } });
  await service.withdraw(patch);
}, 1_200_000);

test("item 4: while somebody else's patch is in transition ours waits its turn, and that one is left alone", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot();
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/suture_target.ko; ${sleeper}; insmod /share/${kernel}/suture_wait.ko`);
  expect(await guest.must("cat /sys/kernel/livepatch/suture_wait/transition")).toBe("1");
  const patch = await service.publish({ modules, module: "suture_value2", patch: "value", stallSeconds: 5 });
  expect((await guest.agent(`once --check-in ${state}`)).code).toBe(4);
  expect(await service.stateOf(machine, patch)).toMatchObject({ state: "blocked" });
  expect(await guest.must("cat /sys/kernel/livepatch/suture_wait/transition")).toBe("1");
  await guest.must("kill -9 $(cat /tmp/sleeper)");
  await guest.must("until [ $(cat /sys/kernel/livepatch/suture_wait/transition) = 0 ]; do sleep 0.5; done");
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/suture_target")).toBe("2");
}, 300_000);
