// Forked, `patcher.ts JOURNAL`: an elf engine in a process of its own, as an agent is, so that the load's work and the engine's do not mix.
import { readFileSync } from "node:fs";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch, Outcome } from "../../agent/engines/engine.ts";

/** What the patcher is told. `payload` is a path. */
export type Order =
  | { order: "use"; id: string; buildId: string; payload: string; functions: ElfPatch["variant"]["functions"] }
  | { order: "check" | "apply" | "verify" | "undo" };
/** What it answers: the outcome, and the most memory that it ever held. */
export type Answer = { outcome: Outcome; peakRssKiB: number };

const [, , journalDir = ""] = process.argv;
const engine = createElfEngine({ journalDir });
const unused = { sha256: "0".repeat(64), size: 1 };
let patch: ElfPatch | null = null;

async function carryOut(order: Order): Promise<Outcome> {
  if (order.order === "use") {
    const { id, buildId, functions, payload } = order;
    patch = {
      id,
      payload: readFileSync(payload),
      variant: {
        engine: "elf",
        functions,
        match: { buildId, arch: "x86_64" },
        bundle: { ...unused, encoding: "zstd", payload: unused },
      },
    };
    return { code: "applied", detail: "ready", evidence: {} };
  }
  if (!patch) throw new TypeError("no patch yet");
  if (order.order === "undo") return engine.undo(patch.id);
  return engine[order.order](patch);
}

/** @see proc_pid_status(5), VmHWM */
function peakRssKiB(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
}

process.on("message", (order: Order) => {
  void carryOut(order)
    .catch(
      (error: unknown): Outcome => ({ code: "failed", detail: `the engine threw: ${String(error)}`, evidence: {} }),
    )
    .then((outcome) => process.send?.({ outcome, peakRssKiB: peakRssKiB() } satisfies Answer));
});
process.on("disconnect", () => process.exit());
