import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, missing, openLab, state } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("main-path");
}, 600_000);
afterAll(() => lab?.stop());

test("items 1, 4: a host enrols, takes a patch, then a cumulative one in its place, and rolls back to the former", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules } = lab;
  const guest = await lab.boot();
  const machine = await lab.enrol(guest);
  expect(await guest.must("cat /proc/cmdline")).toContain("console=ttyS0");

  const one = await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
  expect(await service.stateOf(machine, one)).toMatchObject({ state: "applied" });

  const two = await service.publish({ modules, module: "suture_fix2", patch: "show-fix", version: 2 });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 2");
  expect(await guest.must("ls /sys/kernel/livepatch; lsmod")).not.toContain("suture_fix1");
  expect(await service.stateOf(machine, one)).toMatchObject({ state: "undone" });

  await service.withdraw(two);
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
  expect(await guest.must("ls /sys/kernel/livepatch")).toBe("suture_fix1");
  expect(await service.stateOf(machine, two)).toMatchObject({ state: "undone" });
  expect(await service.stateOf(machine, one)).toMatchObject({ state: "applied" });
}, 300_000);
