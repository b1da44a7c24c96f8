// Forked: an elf engine in a process of its own, as in an agent, so that the load's work and the engine's do not mix.
import { readFileSync } from "node:fs";
import { createElfEngine } from "../../agent/engines/elf/engine.ts";
import type { ElfPatch } from "../../agent/engines/engine.ts";
import { buildIdOf } from "../../protocol/build-id.ts";
import type { Answer, Order } from "./agent.ts";

const [, , journalDir = "", binary = "", payload = ""] = process.argv;
const engine = createElfEngine({ journalDir });
const unused = { sha256: "0".repeat(64), size: 1 };
const patch: ElfPatch = {
  id: "acme/echod/stable/bounds-check@1",
  payload: readFileSync(payload),
  variant: {
    engine: "elf",
    functions: [{ name: "echo", replacement: "echo_checked" }],
    match: { buildId: buildIdOf(readFileSync(binary)) ?? "", arch: "x86_64" },
    bundle: { ...unused, encoding: "zstd", payload: unused },
  },
};

process.on("message", (order: Order) => {
  const work = order === "apply" ? engine.apply(patch) : engine.undo(patch.id);
  void work.then(({ code, detail }) => {
    const answer: Answer = { code, detail, peakRssKiB: peakRssKiB() };
    process.send?.(answer);
  });
});
process.on("disconnect", () => process.exit());

/** The most memory that this process ever held, in KiB. @see proc_pid_status(5), VmHWM */
function peakRssKiB(): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1]);
}
