import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import { patient } from "../support/elf/patient.ts";
import { bothFunctions, buildTarget, patchFor, startTarget } from "../support/elf/target.ts";
import { type EngineHarness, engineContract } from "./engine.ts";

const dieAtScript = fileURLToPath(new URL("../support/elf/die-at.ts", import.meta.url));
let directory: string;
let built: ReturnType<typeof buildTarget>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "suture-elf-"));
  built = buildTarget(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function start(): Promise<EngineHarness> {
  const { binary, payload } = built;
  const journalDir = await mkdtemp(join(directory, "journal-"));
  const target = await startTarget(binary);
  const others: (typeof target)[] = [];
  const isPatched = async (each: typeof target) => (await each.ask("value")) === "30";
  const patch = patchFor(binary, payload, bothFunctions);
  return {
    engine: () => patient(createElfEngine({ journalDir })),
    patch,
    forAnother: { ...patch, variant: { ...patch.variant, match: { buildId: "00".repeat(20), arch: "x86_64" } } },
    damaged: { ...patch, payload: patch.payload.subarray(0, patch.payload.length / 2) },
    isPatched: () => isPatched(target),
    fingerprint: () => Buffer.concat([Buffer.from(target.maps(journalDir)), target.code()]),
    async occupy() {
      await target.ask("enter");
      return async () => {
        await target.ask("leave");
      };
    },
    async startAnother() {
      const other = await startTarget(binary);
      others.push(other);
      return { isPatched: () => isPatched(other) };
    },
    async dieAt(step, operation) {
      const run = spawnSync(process.execPath, [dieAtScript, String(step), operation, journalDir, binary, payload], {
        encoding: "utf8",
      });
      if (run.signal === null && run.status !== 0) throw new Error(`${run.stdout}${run.stderr}`);
      return run.signal === null;
    },
    async stop() {
      await Promise.all([target, ...others].map((each) => each.stop()));
      await rm(journalDir, { recursive: true });
    },
  };
}

engineContract({ engine: "elf", system: `Linux ${release()}, x86-64 processes`, shown: "real" }, start);
