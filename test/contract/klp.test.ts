import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKlpEngine } from "../../agent/engines/klp/engine.ts";
import { fakeClock, fakeKernel } from "../support/klp/fake-kernel.ts";
import { klpPatch } from "../support/klp/patch.ts";
import { dieAtIn, type EngineHarness, engineContract } from "./engine.ts";

async function start(): Promise<EngineHarness> {
  const directory = mkdtempSync(join(tmpdir(), "suture-klp-"));
  const clock = fakeClock();
  const fake = fakeKernel(clock);
  const patch = klpPatch("acme/linux/stable/fix@1", { module: "acme_fix" });
  const engine = (onStep = () => {}) =>
    createKlpEngine({ kernel: fake.kernel, clock, bootId: "boot-1", directory, onStep });
  return {
    engine: () => engine(),
    patch,
    forAnother: { ...patch, variant: { ...patch.variant, match: { kernel: "6.1.0-other-amd64", arch: "x86_64" } } },
    damaged: { ...patch, payload: patch.payload.subarray(0, patch.payload.length / 2) },
    isPatched: () => Promise.resolve(fake.isPatchedBy("acme_fix")),
    fingerprint: () => fake.fingerprint(),
    async occupy() {
      const leave = fake.occupy(77, "worker");
      return () => Promise.resolve(void leave());
    },
    dieAt: dieAtIn(patch, engine),
    async stop() {
      rmSync(directory, { recursive: true });
    },
  };
}

engineContract(
  { engine: "klp", system: "a kernel in memory with what was measured on Linux 6.1", shown: "emulated" },
  start,
  {
    busy: "stalled",
    targets: "one",
  },
);
