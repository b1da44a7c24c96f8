import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootGuest, type Guest } from "./guest.ts";
import { makeImage, makeShare } from "./image.ts";
import { buildModules } from "./modules.ts";
import { findPackages, type Packages } from "./packages.ts";
import { type KernelService, startService } from "./service.ts";

let packages: Packages | undefined;
let missing = "";
try {
  packages = findPackages();
} catch (error) {
  missing = String(error);
}

describe("a real kernel", () => {
  let service: KernelService;
  let guest: Guest;
  let modules: string;
  beforeAll(async () => {
    if (packages === undefined) return;
    const [kernel = ""] = packages.kernels;
    modules = buildModules(packages, kernel);
    const share = await makeShare(packages, [modules]);
    service = await startService();
    const state = join(packages.cache, "state-main");
    rmSync(state, { recursive: true, force: true });
    guest = await bootGuest({ image: makeImage(packages, kernel), share, state, port: service.port, console: join(packages.cache, "main.log") });
  }, 300_000);
  afterAll(async () => {
    await guest?.stop();
    await service?.stop();
  });

  test("enrols, takes a patch, then a cumulative one in its place, and rolls back to the former", async (context) => {
    if (packages === undefined) return context.skip(missing);
    const state = "--state /state/agent";
    const token = await service.enrolmentToken();
    const enrolled = await guest.agent(`enroll --server ${service.url} ${state}`, `SUTURE_TOKEN=${token}`);
    expect(enrolled.json).toMatchObject({ customer: "globex" });
    const machine = String(enrolled.json.machine);
    expect(await guest.must("cat /proc/cmdline")).toContain("console=ttyS0");

    const one = await service.publish({ modules, module: "suture_fix1", patch: "show-fix" });
    const first = await guest.agent(`once --check-in ${state}`);
    expect(first.output).toContain('"ok":true');
    expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
    expect(await service.stateOf(machine, one)).toMatchObject({ state: "applied" });

    const two = await service.publish({ modules, module: "suture_fix2", patch: "show-fix", version: 2 });
    expect((await guest.agent(`once --check-in ${state}`)).output).toContain('"ok":true');
    expect(await guest.must("cat /proc/cmdline")).toBe("fixed 2");
    expect(await guest.must("ls /sys/kernel/livepatch; lsmod")).not.toContain("suture_fix1");
    expect(await service.stateOf(machine, one)).toMatchObject({ state: "undone" });

    await service.withdraw(two);
    expect((await guest.agent(`once --check-in ${state}`)).output).toContain('"ok":true');
    expect(await guest.must("cat /proc/cmdline")).toBe("fixed 1");
    expect(await guest.must("ls /sys/kernel/livepatch")).toBe("suture_fix1");
    expect(await service.stateOf(machine, two)).toMatchObject({ state: "undone" });
    expect(await service.stateOf(machine, one)).toMatchObject({ state: "applied" });
  }, 300_000);
});
