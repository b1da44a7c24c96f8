import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runProgram } from "../../infra/local/demo/programs.ts";
import { type Lab, missing, openLab, state } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("host");
}, 600_000);
afterAll(() => lab?.stop());

test("item 7: what somebody else loaded is listed and never touched; item 1: an object that is not loaded is told as such; item 4: patches stack, and one whose name somebody else takes at the last moment stays out", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot({ cpus: 4 });
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/kpatch_other.ko`);
  const cumulative = await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: false });
  expect(await service.stateOf(machine, cumulative)).toMatchObject({
    state: "blocked",
    detail: expect.stringContaining("kpatch_other"),
  });
  expect(await guest.must("cat /proc/cmdline")).toBe("patched by another");
  await service.withdraw(cumulative);

  const variant = {
    match: { kernel, arch: "x86_64" },
    module: "suture_value3",
    replace: false,
    objects: ["suture_target"],
  };
  const file = `/share/${kernel}/suture_value3.ko`;
  const raced = await guest.must(
    `STRANGER_AT=applying /share/node /share/engine.cjs apply ${file} '${JSON.stringify(variant)}'`,
  );
  expect(JSON.parse(raced)).toMatchObject({
    outcome: { code: "blocked", detail: expect.stringContaining("of this name is loaded already") },
  });
  const stranger = "/sys/kernel/livepatch/suture_value3/enabled";
  expect(await guest.must(`cat ${stranger}`)).toBe("1");
  await guest.must(`echo 0 >${stranger}; until rmmod suture_value3; do sleep 0.5; done`);

  const two = await service.publish({ modules, module: "suture_value2", patch: "value-a" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect((await service.stateOf(machine, two))?.detail).toContain("suture_target is not loaded");
  await guest.must(`insmod /share/${kernel}/suture_target.ko`);
  expect(await guest.must("cat /proc/suture_target")).toBe("2");
  const three = await service.publish({ modules, module: "suture_value3", patch: "value-b" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/suture_target")).toBe("3");

  const { json } = await guest.agent(`status ${state}`);
  const listed = json.livepatches as { module: string; patch: string | null; enabled: boolean }[];
  expect(listed.map(({ module }) => module).toSorted()).toEqual(
    (await guest.must("ls /sys/kernel/livepatch")).split("\n").toSorted(),
  );
  const names = listed.map(({ module: name }) => name).toSorted();
  const { kpatch, klp } = lab.foreign;
  if (kpatch !== undefined) {
    const shown = (await guest.must(`${kpatch} list`)).split("\n").filter((line) => line.endsWith("[enabled]"));
    expect(shown.toSorted()).toEqual(names.map((name) => `${name} [enabled]`));
  }
  if (klp !== undefined) {
    const shown = (await guest.must(`${klp} patches`)).split("\n").map((line) => line.trim());
    expect(shown.filter((line) => /^[a-z]\w*$/.test(line)).toSorted()).toEqual(names);
    expect(await guest.must(`${klp} status`)).toBe("ready");
  }
  expect(listed).toContainEqual(expect.objectContaining({ module: "kpatch_other", patch: null, enabled: true }));
  expect(listed).toContainEqual(expect.objectContaining({ module: "suture_value3", patch: three }));
  expect((await guest.agent(`undo ${two} ${state}`)).code).toBe(0);
  expect(await guest.must("cat /proc/suture_target /proc/cmdline; ls /sys/kernel/livepatch")).toBe(
    "3\npatched by another\nkpatch_other\nsuture_value3",
  );
  for (const patch of [two, three]) await service.withdraw(patch);
}, 300_000);

test("item 8: suture check tells of a module what the kernel shows once it is in; suture build says what is missing where no tool is", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { kernel, modules } = lab;
  const file = join(modules, "suture_both.ko");
  const told = await runProgram("cli/main.ts", ["check", file, "--json"]);
  expect(told).toMatchObject({ name: "suture_both", livepatch: true, kernel, replace: false, signature: null });
  const guest = await lab.boot({ offline: true });
  await guest.must(`insmod /share/${kernel}/suture_target.ko; insmod /share/${kernel}/suture_both.ko`);
  const listed = await guest.must("cd /sys/kernel/livepatch/suture_both && ls -d */*,*");
  const shown = listed.split("\n").map((line) => line.replace(/,\d+$/, ""));
  const functions = told.functions as { object: string; name: string }[];
  expect(functions.map(({ object, name }) => `${object}/${name}`).toSorted()).toEqual(shown.toSorted());
  await expect(runProgram("cli/main.ts", ["build", "klp", file, "--json"], { PATH: "/nowhere" })).rejects.toThrow(
    /kpatch-build/,
  );
}, 300_000);

test("item 6: another kernel version takes its own build; upgraded and not booted, out of support, and no variant are told apart", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, packages, kernel } = lab;
  const running = packages.kernels[1] ?? "";
  const guest = await lab.boot({ kernel: running });
  await lab.enrol(guest);
  const [mine, newer] = [running, kernel].map((each) => `${packages.cache}/modules/${each}`) as [string, string];
  await service.publish({ modules: mine, module: "suture_fix1", patch: "own" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
  expect((await guest.agent(`status ${state}`)).code).toBe(0);

  const at = "2026-10-01T00:00:00Z";
  const other = await service.publish({ modules: newer, module: "suture_fix2", patch: "newer-only" });
  const ended = await service.publish({
    modules: newer,
    module: "suture_value2",
    patch: "ended",
    more: { ended: [{ kernel: running, at }] },
  });
  await guest.agent(`once --check-in ${state}`);
  const without = await guest.agent(`status ${state}`);
  expect(without.code).toBe(5);
  expect(without.json).toMatchObject({ reboot: { why: "kernel-ended", since: "2026-10-01T00:00:00.000Z" } });
  expect(without.json.notApplied).toContainEqual(expect.objectContaining({ patch: other, because: "no-variant" }));
  expect(without.json.notApplied).toContainEqual(expect.objectContaining({ patch: ended, because: "kernel-ended" }));

  await guest.must(`mkdir -p /boot /lib/modules/${kernel} && touch /boot/vmlinuz-${kernel}`);
  await guest.agent(`once --check-in ${state}`);
  const upgraded = await guest.agent(`status ${state}`);
  expect(upgraded.code).toBe(5);
  expect(upgraded.json).toMatchObject({
    reboot: { why: "kernel-not-booted", detail: expect.stringContaining(kernel) },
  });
  expect(upgraded.json.notApplied).toContainEqual(
    expect.objectContaining({ patch: other, because: "kernel-not-booted" }),
  );
}, 300_000);
