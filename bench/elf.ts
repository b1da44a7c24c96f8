import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { createElfEngine } from "../agent/engines/elf/engine.ts";
import type { Engine, Outcome, VerifiedPatch } from "../agent/engines/engine.ts";
import { isSystemError } from "../agent/system/proc.ts";
import { buildEchod, startEchod } from "../infra/local/echod.ts";
import { type Load, startLoad } from "../infra/local/load.ts";
import { buildIdOf } from "../protocol/build-id.ts";
import { type Figure, median } from "./figure.ts";

const toggles = 24;
const gdbRuns = 3;
/** Goals in microseconds, by threads, and what libpulp was measured at (docs: design, "Numbers to be held to"). */
const cases = [
  { threads: 8, goal: 300, libpulp: 3085 },
  { threads: 64, goal: 1000, libpulp: 9610 },
];

/**
 * How long a patched process stands still, as its own heartbeat thread sees it (docs/examples/echod/heartbeat.c), under load: the
 * median of applies and undos, beside what attaching and detaching gdb costs the same process.
 */
export async function elfFigures(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "suture-bench-"));
  try {
    const { binary, payload } = await buildEchod(directory);
    const patch = patchOf(await readFile(binary), await readFile(payload));
    const engine = createElfEngine({ journalDir: join(directory, "journal") });
    const figures: Figure[] = [];
    for (const each of cases) figures.push(await measure(engine, patch, binary, each));
    return figures;
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function measure(
  engine: Engine,
  patch: VerifiedPatch,
  binary: string,
  { threads, goal, libpulp }: (typeof cases)[number],
): Promise<Figure> {
  const server = await startEchod(binary);
  // a thread for each connection, and three more: the listener's, the heartbeat's and the probe's
  const load = await startLoad({ port: server.port, connections: threads - 3 });
  try {
    await load.worstGapMicros();
    await sleep(100);
    const pauses: number[] = [];
    for (let toggle = 0; toggle < toggles; toggle++) {
      pauses.push(await gapDuring(load, () => expectCode("applied", engine.apply(patch))));
      pauses.push(await gapDuring(load, () => expectCode("undone", engine.undo(patch.id))));
      await sleep(20);
    }
    const value = median(pauses);
    const gdb = await gdbPause(load, server.pid);
    return {
      name: `elf.pause.us.${threads}`,
      value,
      unit: "us",
      versus: gdb === null ? "nothing: gdb is not installed" : `gdb attach and detach, ${gdb} us`,
      ratio: gdb === null ? null : Number((value / gdb).toPrecision(3)),
      anchor: `goal ${goal} us; libpulp ${libpulp} us`,
    };
  } finally {
    await load.stop();
    await server.stop();
  }
}

async function expectCode(code: Outcome["code"], step: Promise<Outcome>): Promise<void> {
  const outcome = await step;
  if (outcome.code !== code) throw new Error(`${outcome.code} instead of ${code}: ${outcome.detail}`);
}

async function gapDuring(load: Load, work: () => Promise<unknown>): Promise<number> {
  await load.worstGapMicros();
  await work();
  return load.worstGapMicros();
}

/** What a debugger does to the same process: the least that it takes to stop and to go on. Null where there is no gdb. */
async function gdbPause(load: Load, pid: number): Promise<number | null> {
  const gaps: number[] = [];
  try {
    for (let run = 0; run < gdbRuns; run++) {
      gaps.push(await gapDuring(load, () => promisify(execFile)("gdb", ["-batch", "-nx", "-p", String(pid)])));
    }
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return null;
    throw error;
  }
  return median(gaps);
}

function patchOf(binary: Buffer, payload: Buffer): VerifiedPatch {
  const unused = { sha256: "0".repeat(64), size: 1 };
  return {
    id: "acme/echod/stable/bounds-check@1",
    payload,
    variant: {
      engine: "elf",
      functions: [{ name: "echo", replacement: "echo_checked" }],
      match: { buildId: buildIdOf(binary) ?? "", arch: "x86_64" },
      bundle: { ...unused, encoding: "zstd", payload: unused },
    },
  };
}
