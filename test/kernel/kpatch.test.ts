import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { runProgram } from "../../infra/local/demo/programs.ts";
import { findKpatchBuild } from "./foreign-tools.ts";
import type { Guest } from "./guest.ts";
import { type Lab, missing, openLab, state } from "./lab.ts";
import { run } from "./packages.ts";

vi.setConfig({ testTimeout: 900_000 });

let lab: Lab;
beforeAll(async () => {
  if (missing === "") lab = await openLab("kpatch");
}, 600_000);
afterAll(() => lab?.stop());

/** Publishes a module as it was built, sees it in and out again, beside whatever else shows what is loaded. */
async function goesInAndOut(guest: Guest, folder: string, module: "kpatch_shape" | "kpatch_built", value: string) {
  const { service } = lab;
  const told = await runProgram("cli/main.ts", ["check", join(folder, `${module}.ko`), "--json"]);
  expect(told).toMatchObject({
    name: module,
    livepatch: true,
    replace: null,
    functions: [{ object: "suture_target", name: "target_value" }],
  });
  const variants = [{ engine: "klp", payload: `${module}.ko`, stallSeconds: 10, replace: false }];
  const patch = await service.publish({ modules: folder, module, patch: module.replace("_", "-"), more: { variants } });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/suture_target")).toBe(value);
  const { json } = await guest.agent(`status ${state}`);
  expect(json.livepatches).toMatchObject([{ module, patch, enabled: true, transition: false }]);
  if (lab.foreign.kpatch !== undefined)
    expect(await guest.must(`${lab.foreign.kpatch} list`)).toContain(`${module} [enabled]`);
  await service.withdraw(patch);
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: true });
  expect(await guest.must("cat /proc/suture_target; ls /sys/kernel/livepatch")).toBe("1");
}

test("item 7: a module as kpatch lays it out is published as it is, once the vendor says whether it is cumulative; over a stranger's it stays away", async (context) => {
  context.task.meta.engine = {
    engine: "klp",
    system: "modules of kpatch's layout, in Debian's kernel in QEMU",
    shown: "real",
  };
  if (missing !== "") return context.skip(missing);
  const { service, modules, kernel } = lab;
  const guest = await lab.boot();
  const machine = await lab.enrol(guest);
  await guest.must(`insmod /share/${kernel}/suture_target.ko`);
  await expect(service.publish({ modules, module: "kpatch_shape", patch: "silent" })).rejects.toThrow(/replace/);
  await goesInAndOut(guest, modules, "kpatch_shape", "9");

  await guest.must(`insmod /share/${kernel}/kpatch_other.ko`);
  const variants = [{ engine: "klp", payload: "kpatch_shape.ko", replace: false }];
  const beside = await service.publish({ modules, module: "kpatch_shape", patch: "beside", more: { variants } });
  expect((await guest.agent(`once --check-in ${state}`)).json).toMatchObject({ ok: false });
  expect(await service.stateOf(machine, beside)).toMatchObject({
    state: "blocked",
    detail: expect.stringContaining("might take out kpatch_other"),
  });
  expect(await guest.must("ls /sys/kernel/livepatch; cat /proc/cmdline")).toBe("kpatch_other\npatched by another");
  await service.withdraw(beside);
});

test("items 7, 8: suture build klp drives kpatch-build, and what that builds is published as it is and patches", async (context) => {
  context.task.meta.engine = {
    engine: "klp",
    system: "what kpatch-build made, in Debian's kernel in QEMU",
    shown: "real",
  };
  if (missing !== "") return context.skip(missing);
  const tool = findKpatchBuild();
  if (typeof tool === "string") return context.skip(tool);
  const { kernel } = lab;
  const folder = mkdtempSync(join(tmpdir(), "suture-kpatch-"));
  try {
    const [source, built, fix] = ["source", "built", "fix.patch"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(source);
    const original = join(import.meta.dirname, "modules/suture_target.c");
    copyFileSync(original, join(source, "suture_target.c"));
    writeFileSync(
      join(source, "Makefile"),
      `obj-m := suture_target.o\nmodules:\n\t$(MAKE) -C ${tool.source} M=$(CURDIR) modules\n`,
    );
    // The lab's own is stripped of what kpatch-build finds its symbols by
    run("make", ["modules"], source);
    copyFileSync(join(source, "suture_target.ko"), join(folder, "suture_target.ko"));
    run("make", ["-C", tool.source, `M=${source}`, "clean"], source);
    writeFileSync(fix, patchOf(readFileSync(original, "utf8"), "\treturn 1;", "\treturn 7;"));
    const args =
      `build klp ${fix} --source ${tool.source} --vmlinux ${tool.vmlinux} --name kpatch_built --out ${built} --json
      -- --oot-module ${join(folder, "suture_target.ko")} --oot-module-src ${source} --target modules --non-replace`.split(
        /\s+/,
      );
    const done = await runProgram("cli/main.ts", args, { ...tool.environment, CACHEDIR: join(folder, "cache") });
    expect(done).toMatchObject({ tool: "kpatch-build", modules: [join(built, "kpatch_built.ko")], replace: false });

    const guest = await lab.boot();
    await lab.enrol(guest);
    await guest.must(`insmod /share/${kernel}/suture_target.ko`);
    await goesInAndOut(guest, built, "kpatch_built", "7");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** One changed line as a patch that patch(1) takes. */
function patchOf(text: string, from: string, to: string): string {
  const lines = text.split("\n");
  const at = lines.indexOf(from);
  const [before, after] = [lines.slice(at - 3, at), lines.slice(at + 1, at + 4)].map((some) =>
    some.map((line) => ` ${line}\n`).join(""),
  );
  const name = "suture_target.c";
  return `--- a/${name}\n+++ b/${name}\n@@ -${at - 2},7 +${at - 2},7 @@\n${before}-${from}\n+${to}\n${after}`;
}
