import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Lab, missing, openLab, state } from "./lab.ts";
import { openSigning } from "./signing.ts";

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("trust");
}, 600_000);
afterAll(() => lab?.stop());

const variantOf = (kernel: string, module: string) =>
  JSON.stringify({
    match: { kernel, arch: "x86_64" },
    module,
    replace: false,
    objects: ["vmlinux", "suture_target"],
    stallSeconds: 10,
  });

test("item 2: a module for another build, which this kernel itself loads, is refused; so is an agent without the right to load", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { kernel, packages } = lab;
  const other = packages.kernels[1] ?? "";
  const guest = await lab.boot();
  const foreign = `/share/${other}/suture_value2.ko`;
  await guest.must(`insmod /share/${kernel}/suture_target.ko`);
  const refused = await guest.must(
    `/share/node /share/engine.cjs apply ${foreign} '${variantOf(kernel, "suture_value2")}'`,
  );
  expect(JSON.parse(refused).outcome).toMatchObject({
    code: "unsupported",
    detail: expect.stringContaining(`built for kernel ${other}`),
  });
  // Why it has to be the agent: the kernel does not mind
  await guest.must(`insmod ${foreign}`);
  expect(await guest.must("sleep 1; cat /proc/suture_target")).toBe("2");

  await guest.must("echo 'nobody:x:65534:65534::/tmp:/bin/sh' >>/etc/passwd");
  const unprivileged = await guest.run(
    "su nobody -c '/share/node /share/agent.cjs preflight --json --state /tmp/nobody'",
  );
  expect(JSON.parse(unprivileged.output).checks).toContainEqual(
    expect.objectContaining({ name: "engine klp", ok: false, detail: expect.stringContaining("root") }),
  );
  await guest.must("echo 1 >/proc/sys/kernel/modules_disabled");
  const locked = await guest.agent("preflight --state /tmp/none");
  expect(locked.json.checks).toContainEqual(
    expect.objectContaining({
      name: "engine klp",
      ok: false,
      detail: expect.stringContaining("modules_disabled is 1"),
    }),
  );
}, 300_000);

test("item 2: where signatures are enforced an unsigned module is not even downloaded, a stranger's is refused, and preflight says how to mend it", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot({ append: "module.sig_enforce=1" });
  await lab.enrol(guest);
  const { json } = await guest.agent(`preflight ${state}`);
  expect(json.checks).toContainEqual(
    expect.objectContaining({ name: "signatures", mend: expect.stringContaining("mokutil --import") }),
  );
  const unsigned = await service.publish({ modules, module: "suture_fix1", patch: "unsigned" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ results: [] });
  expect((await guest.agent(`status ${state}`)).json).toMatchObject({
    notApplied: [{ patch: unsigned, because: "no-variant" }],
  });
  await service.withdraw(unsigned);

  const folder = join(lab.packages.cache, "modules", `${kernel}-signed`);
  mkdirSync(folder, { recursive: true });
  openSigning(lab.packages).sign(join(modules, "suture_fix1.ko"), join(folder, "suture_fix1.ko"));
  const signed = await service.publish({ modules: folder, module: "suture_fix1", patch: "stranger" });
  const refused = await guest.agent(`once --check-in ${state}`);
  expect(refused.json).toMatchObject({
    ok: false,
    results: [{ code: "unsupported", detail: expect.stringContaining("mokutil") }],
  });
  expect(await guest.must("ls /sys/kernel/livepatch; lsmod | grep suture; true")).toBe("");
  await service.withdraw(signed);
}, 300_000);

test("item 2: under UEFI, with the vendor's certificate enrolled, its signed module is applied where signatures are enforced", async (context) => {
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel, packages } = lab;
  const signing = openSigning(packages);
  const folder = join(packages.cache, "modules", `${kernel}-signed`);
  mkdirSync(folder, { recursive: true });
  signing.sign(join(modules, "suture_fix2.ko"), join(folder, "suture_fix2.ko"));
  const guest = await lab.boot({ append: "lockdown=integrity", firmware: signing.firmware });
  const machine = await lab.enrol(guest);
  expect(await guest.must("cat /sys/kernel/security/lockdown")).toContain("[integrity]");
  const patch = await service.publish({ modules: folder, module: "suture_fix2", patch: "signed" });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/cmdline")).toBe("fixed 2");
  expect(await service.stateOf(machine, patch)).toMatchObject({ state: "applied" });
  expect(await guest.must("cat /sys/module/suture_fix2/taint")).toBe("OK");
}, 600_000);
