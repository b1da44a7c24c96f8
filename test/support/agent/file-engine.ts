import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ElfPatch, Engine, Outcome } from "../../../agent/engines/engine.ts";

/** Targets of an engine that keeps everything in a file, so that it outlives a killed agent as processes do. */
type Targets = {
  /** build-id → its running processes, each with the patches that are in */
  processes: Record<string, { pid: number; patches: string[] }[]>;
  staged: string[];
};

export type FileEngine = Engine & {
  read(): Targets;
  write(targets: Targets): void;
  /** where a patch is in now */
  pidsWith(patch: string): number[];
};

/**
 * An engine with real state and simple targets. A payload that begins with `blocked` finds its target busy; one that begins with
 * `stuck` goes in but not out.
 * @param onStep called after each change
 */
export function fileEngine(directory: string, onStep: () => void = () => {}): FileEngine {
  const path = join(directory, "targets.json");
  const read = (): Targets => JSON.parse(readFileSync(path, "utf8"));
  const write = (targets: Targets) => {
    writeFileSync(`${path}.new`, JSON.stringify(targets));
    renameSync(`${path}.new`, path);
    onStep();
  };
  const processesOf = (targets: Targets, { variant }: ElfPatch) => targets.processes[variant.match.buildId] ?? [];
  const say = (code: Outcome["code"], detail: string): Outcome => ({ code, detail, evidence: { pauseMicros: 1 } });
  const foretell = (patch: ElfPatch): Outcome => {
    const processes = processesOf(read(), patch);
    if (processes.length === 0) return say("not-applicable", "no process runs it");
    if (processes.every(({ patches }) => patches.includes(patch.id))) return say("already-applied", "the patch is in");
    return say("applied", "ready");
  };
  const textOf = ({ payload }: ElfPatch) => Buffer.from(payload).toString("utf8");

  return {
    name: "elf",
    read,
    write,
    pidsWith: (patch) =>
      Object.values(read().processes)
        .flat()
        .filter(({ patches }) => patches.some((each) => each.startsWith(patch)))
        .map(({ pid }) => pid),
    detect: async () => ({
      supported: true,
      reason: "",
      facts: {
        builds: Object.entries(read().processes)
          .filter(([, processes]) => processes.length > 0)
          .map(([buildId, processes]) => ({ buildId, path: "/usr/bin/echod", processes: processes.length })),
      },
    }),
    check: async (patch: ElfPatch) => foretell(patch),
    async stage(patch: ElfPatch) {
      const targets = read();
      write({ ...targets, staged: [...targets.staged, patch.id] });
      return foretell(patch);
    },
    async apply(patch: ElfPatch) {
      const foretold = foretell(patch);
      if (foretold.code !== "applied") return foretold;
      if (textOf(patch).startsWith("blocked")) return say("blocked", "a thread is inside");
      const targets = read();
      const id = textOf(patch).startsWith("stuck") ? `${patch.id} stuck` : patch.id;
      for (const process of processesOf(targets, patch)) if (!process.patches.includes(id)) process.patches.push(id);
      write({ ...targets, staged: targets.staged.filter((each) => each !== patch.id) });
      return say("applied", "patched");
    },
    async verify(patch: ElfPatch) {
      const foretold = foretell(patch);
      if (foretold.code === "already-applied") return say("applied", "the patch is in");
      return foretold.code === "applied" ? say("failed", "a process lacks it") : foretold;
    },
    async undo(id) {
      const targets = read();
      if (
        Object.values(targets.processes)
          .flat()
          .some(({ patches }) => patches.includes(`${id} stuck`))
      ) {
        return say("undo-pending", "a thread is inside");
      }
      for (const process of Object.values(targets.processes).flat()) {
        process.patches = process.patches.filter((each) => each !== id);
      }
      write({ ...targets, staged: targets.staged.filter((each) => each !== id) });
      return say("undone", "as it was");
    },
    async list() {
      const processes = Object.values(read().processes).flat();
      const ids = new Set(processes.flatMap(({ patches }) => patches));
      return [...ids].map((id) => {
        const having = processes.filter(({ patches }) => patches.includes(id));
        return { id, targets: having.map(({ pid }) => ({ name: "echod", pid })) };
      });
    },
    recover: async () => [],
  };
}
