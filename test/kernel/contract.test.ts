import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, test, vi } from "vitest";
import type { Engine, KlpPatch } from "../../agent/engines/engine.ts";
import { type EngineHarness, engineContract, type Shown } from "../contract/engine.ts";
import { klpPatch } from "../support/klp/patch.ts";
import type { Guest } from "./guest.ts";
import { type Lab, missing, openLab } from "./lab.ts";

// Each step starts Node under emulation
vi.setConfig({ testTimeout: 900_000 });

let lab: Lab;
let guest: Guest;
beforeAll(async () => {
  if (missing !== "") return;
  lab = await openLab("contract");
  guest = await lab.boot({ offline: true });
  await guest.must(`insmod /share/${lab.kernel}/suture_target.ko`);
}, 600_000);
afterAll(() => lab?.stop());

const module = "suture_both";

/** The engine in the guest, one process for each step, so that each finds what the last one left. */
function remoteEngine(whole: KlpPatch): Engine {
  const ask = async (step: string, patch: KlpPatch = whole, environment = "") => {
    const truncated = patch.payload.length < whole.payload.length ? "TRUNCATED=1" : "";
    const { bundle: _, ...variant } = patch.variant;
    const file = `/share/${lab.kernel}/${module}.ko`;
    const command = `${truncated} ${environment} /share/node /share/engine.cjs ${step} ${file} '${JSON.stringify(variant)}' ${patch.id}`;
    return JSON.parse(await guest.must(command)).outcome;
  };
  return {
    name: "klp",
    detect: () => ask("detect"),
    check: (patch: KlpPatch) => ask("check", patch),
    stage: (patch: KlpPatch) => ask("stage", patch),
    apply: (patch: KlpPatch) => ask("apply", patch),
    verify: (patch: KlpPatch) => ask("verify", patch),
    undo: () => ask("undo"),
    list: () => ask("list"),
    recover: () => ask("recover"),
  };
}

async function start(): Promise<EngineHarness> {
  const payload = readFileSync(join(lab.modules, `${module}.ko`));
  const match = { kernel: lab.kernel, arch: "x86_64" } as const;
  const patch = klpPatch(
    "acme/linux/stable/both@1",
    { module, match, objects: ["suture_target"], stallSeconds: 5 },
    payload,
  );
  const engine = remoteEngine(patch);
  const { bundle: _, ...variant } = patch.variant;
  return {
    engine: () => engine,
    patch,
    forAnother: { ...patch, variant: { ...patch.variant, match: { ...match, kernel: "6.1.0-1-amd64" } } },
    damaged: { ...patch, payload: payload.subarray(0, payload.length / 2) },
    isPatched: async () => (await guest.must("cat /proc/suture_target")) === "2",
    fingerprint: async () =>
      Buffer.from(await guest.must("ls /sys/kernel/livepatch; cut -d' ' -f1 /proc/modules | sort")),
    async occupy() {
      await guest.must("(echo x >/proc/suture_target) & echo $! >/tmp/sleeper; sleep 1");
      return async () => {
        await guest.must("kill -9 $(cat /tmp/sleeper); sleep 1");
      };
    },
    async dieAt(step, operation) {
      const file = `/share/${lab.kernel}/${module}.ko`;
      const { code } = await guest.run(
        `DIE_AT=${step} /share/node /share/engine.cjs ${operation} ${file} '${JSON.stringify(variant)}' ${patch.id}`,
      );
      if (code !== 0 && code !== 137) throw new Error(`the engine exited with ${code}`);
      return code === 0;
    },
    async stop() {
      await guest.run("kill -9 $(cat /tmp/sleeper) 2>/dev/null; true");
      await engine.undo(patch.id);
      await guest.must("rm -rf /tmp/klp /tmp/sleeper");
    },
  };
}

const shown: Shown = { engine: "klp", system: "Debian's kernel in QEMU (items 1, 3, 4)", shown: "real" };
if (missing === "") engineContract(shown, start, { busy: "stalled", targets: "one" });
else
  test("items 1, 3, 4: the engine contract in a real kernel", (context) => {
    context.task.meta.engine = shown;
    context.skip(missing);
  });
