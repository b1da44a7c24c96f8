import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, missing, openLab, state } from "./lab.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("trouble");
}, 600_000);
afterAll(() => lab?.stop());

test("item 1: an oops in patched code within the health window takes the patch out, into quarantine", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot();
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/suture_target.ko`);
  const patch = await service.publish({ modules, module: "suture_oops", patch: "oops", windowSeconds: 60 });
  await guest.must(
    `(/share/node /share/agent.cjs once --check-in --json ${state} >/tmp/once.json 2>&1; echo done >>/tmp/once.json) &`,
  );
  await guest.must(
    "for n in $(seq 60); do [ -e /sys/kernel/livepatch/suture_oops ] && break; sleep 0.5; done; sleep 1",
  );
  await guest.run("cat /proc/suture_target");
  await guest.must("for n in $(seq 60); do grep -q done /tmp/once.json && break; sleep 0.5; done");
  expect(await service.stateOf(machine, patch)).toMatchObject({
    state: "quarantined",
    detail: expect.stringMatching(/taint rose .*\(D\)|complains/),
  });
  expect(await guest.must("ls /sys/kernel/livepatch; cat /proc/suture_target")).toBe("1");
  await service.withdraw(patch);
}, 300_000);

test("item 1: the host's own health checks are asked before and after; the one that fails keeps the patch out, or takes it out, by name", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot();
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/suture_target.ko; mkdir -p /etc/suture/health.d`);
  const wants = (value: string) => {
    const check = { kind: "command", command: ["/bin/grep", "-q", value, "/proc/suture_target"], windowSeconds: 120 };
    return guest.must(`echo '${JSON.stringify(check)}' >/etc/suture/health.d/target.json`);
  };
  const round = async () => (await guest.agent(`once --check-in ${state}`)).json;
  const patch = await service.publish({ modules, module: "suture_value2", patch: "value" });
  const name = "the host's own check target fails";

  await wants("3");
  expect(await round()).toMatchObject({ ok: false });
  expect(await service.stateOf(machine, patch)).toMatchObject({
    state: "blocked",
    detail: expect.stringContaining(`${name} already`),
  });
  await wants("1");
  await guest.must("chmod 666 /etc/suture/health.d/target.json");
  expect(await round()).toMatchObject({ ok: false });
  expect(await service.stateOf(machine, patch)).toMatchObject({ detail: expect.stringContaining("may write to it") });
  expect(await guest.must("ls /sys/kernel/livepatch; cat /proc/suture_target")).toBe("1");

  await guest.must("chmod 644 /etc/suture/health.d/target.json");
  expect(await round()).toMatchObject({ ok: false });
  expect(await service.stateOf(machine, patch)).toMatchObject({
    state: "quarantined",
    detail: expect.stringContaining(`Unhealthy, ${name}`),
  });
  expect(await guest.must("ls /sys/kernel/livepatch; cat /proc/suture_target")).toBe("1");
  await service.withdraw(patch);

  const told = await service.publish({ modules, module: "suture_value3", patch: "told" });
  await guest.must("rm /etc/suture/health.d/target.json");
  expect(await round()).toMatchObject({ ok: true });
  expect(await service.stateOf(machine, told)).toMatchObject({ state: "applied" });
  await service.withdraw(told);
}, 600_000);

test("items 1, 5: with the network cut, or the disk full, nothing is applied by halves, and both are gone once the cause is", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules } = lab;
  const guest = await lab.boot();
  const small = "--state /small/agent";
  await guest.must("mkdir /small && mount -t tmpfs -o size=80m tmpfs /small");
  const token = await service.enrolmentToken();
  expect((await guest.agent(`enroll --server ${service.url} ${small}`, `SUTURE_ENROLMENT_TOKEN=${token}`)).code).toBe(
    0,
  );
  await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });

  await guest.must("killall nc");
  const cut = await guest.agent(`once --check-in ${small}`);
  expect(cut).toMatchObject({ code: 1, json: { error: { code: "unreachable" } } });
  await guest.must(`(nc -ll -p ${service.port} -e nc 10.0.2.2 ${service.port} >/dev/null 2>&1 &)`);

  await guest.run("dd if=/dev/zero of=/small/fill bs=4k 2>/dev/null");
  const full = await guest.agent(`once --check-in ${small}`);
  expect(full.code).not.toBe(0);
  expect(full.output).toContain("ENOSPC");
  expect(await guest.must("ls /sys/kernel/livepatch")).toBe("");

  await guest.must("rm /small/fill");
  expect((await guest.agent(`once --check-in ${small}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
}, 300_000);
