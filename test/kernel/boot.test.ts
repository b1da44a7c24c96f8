import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Guest } from "./guest.ts";
import { type Lab, missing, openLab, state } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("boot");
}, 600_000);
afterAll(() => lab?.stop());

/** What a unit does early at boot: the agent first, then whatever the host is for. */
function bootScript(...commands: string[]): void {
  const lines = [`/share/node /share/agent.cjs boot --json ${state} >/state/boot.json`, "sync", ...commands];
  writeFileSync(join(lab.packages.cache, "state/boot/boot.sh"), `${lines.join("\n")}\n`);
}
const atBoot = async (guest: Guest) => JSON.parse(await guest.must("cat /state/boot.json"));
const statusOf = async (guest: Guest, patch: string) => {
  const { code, json } = await guest.agent(`status ${state}`);
  return {
    code,
    ...(json.patches as { patch: string; state: string; detail: string }[]).find((each) => each.patch === patch),
  };
};

test("item 5: patches come back at boot without a network, in order; what panics is quarantined until a person says otherwise", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const first = await lab.boot();
  const machine = await lab.enrol(first);
  await first.must(`insmod /share/${kernel}/suture_target.ko`);
  const fix = await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });
  const value2 = await service.publish({ modules, module: "suture_value2", patch: "value-a" });
  expect((await first.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  const value3 = await service.publish({ modules, module: "suture_value3", patch: "value-b" });
  expect((await first.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await first.must("cat /proc/cmdline /proc/suture_target")).toBe("fixed 1\n3");
  await first.stop();

  bootScript();
  const second = await lab.boot({ keepState: true, offline: true });
  expect(await atBoot(second)).toMatchObject({ ok: true });
  await second.must(`insmod /share/${kernel}/suture_target.ko`);
  expect(await second.must("cat /proc/cmdline /proc/suture_target")).toBe("fixed 1\n3");
  for (const patch of [fix, value2, value3]) expect(await statusOf(second, patch)).toMatchObject({ state: "applied" });
  expect((await second.run(`sleep 2; /share/node /share/agent.cjs once ${state}`)).code).toBe(1);
  await second.stop();

  const third = await lab.boot({ keepState: true });
  await third.run(`/share/node /share/agent.cjs once --check-in ${state}`);
  const bad = await service.publish({ modules, module: "suture_panic", patch: "bad-fix" });
  await Promise.race([
    third.run(`/share/node /share/agent.cjs once --check-in ${state}`).catch(() => undefined),
    third.down(),
  ]);
  await third.down();

  const fourth = await lab.boot({ keepState: true });
  expect(await atBoot(fourth)).toMatchObject({ ok: false });
  expect(await statusOf(fourth, bad)).toMatchObject({
    state: "quarantined",
    code: 4,
    detail: expect.stringContaining("went down"),
  });
  expect(await fourth.must("cat /proc/cmdline")).toBe("fixed 1");
  await fourth.run(`sleep 2; /share/node /share/agent.cjs once --check-in ${state}`);
  expect(await service.stateOf(machine, bad)).toMatchObject({ state: "quarantined" });
  expect((await fourth.agent(`release ${bad} ${state}`)).json).toMatchObject({ quarantined: false });
  expect(await statusOf(fourth, bad)).toMatchObject({ state: "undone" });
  await fourth.stop();
  for (const patch of [bad, fix, value2, value3]) await service.withdraw(patch);
}, 600_000);

test("item 5: a patch that brings the machine down at each boot does so once more and no more; suture=off and a file switch the agent off", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const first = await lab.boot();
  await lab.enrol(first);
  await first.must(`insmod /share/${kernel}/suture_target.ko`);
  const later = await service.publish({ modules, module: "suture_later", patch: "later-fix" });
  expect((await first.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  await first.stop();

  // What the host is for uses what is patched, and panics
  bootScript(`insmod /share/${kernel}/suture_target.ko`, "cat /proc/suture_target");
  const off = await lab.boot({ keepState: true, offline: true, append: "suture=off" });
  expect(await atBoot(off)).toMatchObject({ off: expect.stringContaining("suture=off") });
  expect(await off.must("ls /sys/kernel/livepatch; cat /proc/suture_target")).toBe("1");
  await off.must("touch /state/agent/off");
  // By hand too nothing else happens than what is asked for
  expect((await off.run(`echo ${later} | /share/node /share/agent.cjs force ${later} ${state}`)).output).toContain(
    "switched off",
  );
  expect((await off.agent(`status ${state}`)).json).toMatchObject({ off: expect.stringContaining("suture=off") });
  await off.stop();
  const switched = await lab.boot({ keepState: true, offline: true });
  expect(await atBoot(switched)).toMatchObject({ off: expect.stringContaining("/state/agent/off") });
  await switched.must("rm /state/agent/off");
  await switched.stop();

  await expect(lab.boot({ keepState: true, offline: true })).rejects.toThrow(/down at: boot/);
  const last = await lab.boot({ keepState: true, offline: true });
  expect(await last.must("cat /proc/suture_target")).toBe("1");
  expect(await statusOf(last, later)).toMatchObject({ state: "quarantined" });
}, 600_000);
