import { spawn } from "node:child_process";
import { once } from "node:events";
import { openMemory, readMappings, startTime } from "../../system/proc.ts";
import { callInProcess, findGadgets } from "./borrow.ts";
import type { Machine } from "./machine.ts";
import { readModules } from "./modules.ts";
import { withAllStopped } from "./stop.ts";

/** Enough for V8 to have compiled what runs while a target stands still; measured by bench elf. */
const stops = 200;
const calls = 40;
const pageBytes = 4096;

/**
 * Stops a process of our own over and over, and has it map memory: else the first target that an agent patches would stand still for
 * the milliseconds that cold code takes. The first call does it, about a tenth of a second; later ones have nothing to do. A rehearsal that fails is none: the first target then waits a little longer.
 */
export function rehearse(machine: Machine): Promise<void> {
  rehearsal ??= perform(machine);
  return rehearsal;
}

/** One for the process, whose compiled code all engines share. */
let rehearsal: Promise<void> | undefined;

async function perform(machine: Machine): Promise<void> {
  // reads what never comes, and ends with us, however we end
  const dummy = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  dummy.on("error", () => {});
  const { pid } = dummy;
  if (pid === undefined) return;
  const ended = once(dummy, "exit");
  try {
    rehearseOn(pid, machine);
  } catch {
    // it changes nothing but the speed of what follows
  } finally {
    dummy.kill("SIGKILL");
  }
  await ended;
}

function rehearseOn(pid: number, machine: Machine): void {
  const memory = openMemory(pid);
  try {
    const { mappings, modules } = readModules(pid, new Map());
    const code = mappings.find(({ permissions }) => permissions === "r-xp");
    if (!code || startTime(pid) === null) return;
    const bytes = memory.read(code.start, 5);
    const nowhere = [{ name: "nothing", start: 2 ** 46 - pageBytes, end: 2 ** 46 }];
    for (let turn = 0; turn < stops; turn++) {
      withAllStopped(pid, machine, nowhere, [], () => memory.write(code.start, bytes));
    }
    const gadgets = findGadgets(machine, modules, memory);
    const address = (readMappings(pid)[0]?.start ?? 0) - 16 * pageBytes;
    for (let turn = 0; turn < calls; turn++) {
      callInProcess(
        pid,
        machine,
        gadgets,
        memory,
        [
          { call: "map", address, size: pageBytes },
          { call: "protect", address, size: pageBytes, executable: true },
          { call: "unmap", address, size: pageBytes },
        ],
        () => {},
      );
    }
  } finally {
    memory.close();
  }
}
