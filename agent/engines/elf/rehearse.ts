import { spawn } from "node:child_process";
import { openMemory, type ProcessMemory, readMappings } from "../../system/proc.ts";
import { openAddressSpace } from "./address-space.ts";
import { findGadgets } from "./gadgets.ts";
import { type InjectionTarget, tryInject } from "./inject.ts";
import type { Machine, MapCall } from "./machine.ts";
import { scratchBytes } from "./memory-plan.ts";
import { type FileCache, readModules } from "./modules.ts";
import { markScratch, slotsIn } from "./scratch.ts";
import { withAllStopped } from "./stop.ts";

/** Enough for V8 to have compiled what runs while a target stands still; measured by bench elf. */
const stops = 200;
const calls = 40;
const pageBytes = 4096;

/**
 * A process of our own on which everything that is done to a target is done before: else the first target that an agent patches would
 * stand still for the milliseconds that cold code takes, and every later one for four times as long as it has to, because what was done
 * since has the processor's caches.
 */
export type Rehearsal = {
  /** Starts the process, where there is none; the first time it takes a tenth of a second. */
  begin(): Promise<void>;
  /** Does once what stops a target, or has one make a call; nothing before `begin`. */
  stop: () => void;
  call: () => void;
  end: () => void;
};

/** A rehearsal that fails is none: the targets then wait a little longer. `files` are those that the engine has open anyway. */
export function openRehearsal(machine: Machine, files: FileCache): Rehearsal {
  let dummy: Dummy | null = null;
  const end = () => {
    dummy?.end();
    dummy = null;
  };
  const attempt = (work: (on: Dummy) => void) => {
    try {
      if (dummy) work(dummy);
    } catch {
      end();
    }
  };
  return {
    async begin() {
      dummy ??= await startDummy(machine, files);
      if (isCompiled) return;
      isCompiled = true;
      attempt((on) => {
        for (let turn = 0; turn < stops; turn++) on.stop();
        for (let turn = 0; turn < calls; turn++) on.call();
      });
    },
    stop: () => attempt((on) => on.stop()),
    call: () => attempt((on) => on.call()),
    end,
  };
}

/** Compiled code is shared by all engines of this process. */
let isCompiled = false;

type Dummy = { stop(): void; call(): void; end(): void };

/** Null where none could be had. */
async function startDummy(machine: Machine, files: FileCache): Promise<Dummy | null> {
  // reads what never comes, and ends with us, however we end
  const child = spawn("cat", { stdio: ["pipe", "ignore", "ignore"] });
  const isStarted = await new Promise<boolean>((resolve) => {
    child.once("spawn", () => resolve(true));
    child.once("error", () => resolve(false));
  });
  const { pid } = child;
  if (!isStarted || pid === undefined) return null;
  let memory: ProcessMemory | undefined;
  const end = () => {
    memory?.close();
    child.kill("SIGKILL");
  };
  try {
    memory = openMemory(pid);
    return { ...actsOn(pid, machine, files, memory), end };
  } catch {
    end();
    return null;
  }
}

function actsOn(pid: number, machine: Machine, files: FileCache, memory: ProcessMemory): Pick<Dummy, "stop" | "call"> {
  const { mappings, modules } = readModules(pid, files);
  const code = mappings.find(({ permissions }) => permissions === "r-xp");
  if (!code) throw new Error("no code");
  const bytes = memory.read(code.start, 5);
  const gadgets = findGadgets(machine, modules, memory);
  const space = openAddressSpace(pid);
  const scratch = (readMappings(pid)[0]?.start ?? 0) - 2 * scratchBytes;
  const target: InjectionTarget = { pid, machine, gadgets, memory, slots: [], onStep: () => {}, rehearse: () => {} };
  const call = (slots: readonly number[], each: MapCall) => {
    const refusal = tryInject({ ...target, slots }, each);
    if (refusal !== null) throw new Error(refusal);
  };
  call([], { address: scratch, size: scratchBytes, protection: "write", overOwn: false });
  markScratch(memory, scratch);
  const slots = slotsIn(memory, [{ base: scratch, size: scratchBytes }]);
  // as far from anything as an address can be, and as long a search as for a real one
  const nowhere = [{ name: "nothing", start: 2 ** 46 + 2 ** 32, end: 2 ** 46 + 2 ** 32 + pageBytes }];
  return {
    stop() {
      const change = () => {
        memory.read(code.start, bytes.length);
        memory.write(code.start, bytes);
      };
      withAllStopped(space, machine, nowhere, [], null, change, () => {});
    },
    call() {
      for (const protection of ["write", "read", "execute"] as const) {
        call(slots, { address: scratch + scratchBytes, size: pageBytes, protection, overOwn: true });
      }
    },
  };
}
