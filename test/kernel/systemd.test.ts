import { afterAll, beforeAll, expect, test } from "vitest";
import type { Guest } from "./guest.ts";
import { type Lab, missing, openLab, state } from "./lab.ts";
import { makeSystemdDisk } from "./systemd-disk.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("systemd");
}, 600_000);
afterAll(() => lab?.stop());

/** Microseconds since the kernel's start. */
async function moment(guest: Guest, unit: string, property: string): Promise<number> {
  return Number(await guest.must(`systemctl show ${unit} --value -p ${property}`));
}

test("item 5: under systemd our unit puts patches back before sysinit and any network, and not where suture=off", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, packages } = lab;
  const first = await lab.boot();
  await lab.enrol(first);
  const patch = await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });
  expect((await first.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  await first.stop();

  const disk = makeSystemdDisk(packages);
  const whole = { keepState: true, offline: true, disk };
  const guest = await lab.boot({ ...whole, append: "suture_disk systemd.getty_auto=no" });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
  const unit = "suture-agent-boot.service";
  expect(await guest.must(`systemctl show ${unit} --value -p Result -p ExecMainStatus`)).toBe("success\n0");
  const done = await moment(guest, unit, "ExecMainExitTimestampMonotonic");
  expect(done).toBeGreaterThan(0);
  expect(await moment(guest, "sysinit.target", "ActiveEnterTimestampMonotonic")).toBeGreaterThan(done);
  expect(await moment(guest, "suture-agent.service", "ExecMainStartTimestampMonotonic")).toBeGreaterThan(done);
  expect(await guest.must("systemctl is-active suture-agent.service")).toBe("active");
  expect(await guest.must("systemctl --failed --no-legend | grep suture; true")).toBe("");
  expect(await guest.must("suture-agent status --json")).toContain('"running":true');
  // The resident agent is the one that may not leave its walls, and does this
  expect(await guest.must(`suture-agent undo ${patch} --json`)).toContain('"state":"undone"');
  expect(await guest.must("cat /proc/cmdline")).not.toContain("fixed");
  await guest.stop();

  const off = await lab.boot({ ...whole, append: "suture_disk systemd.getty_auto=no suture=off" });
  expect(await off.must("cat /proc/cmdline; ls /sys/kernel/livepatch")).toContain("suture=off");
  expect(await off.must(`systemctl show ${unit} --value -p ConditionResult`)).toBe("no");
}, 900_000);
