import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { openMemory } from "../../system/proc.ts";
import { openAddressSpace } from "./address-space.ts";
import { createFileCache } from "./file-cache.ts";
import { readModules } from "./modules.ts";
import { withAllStopped } from "./stop.ts";
import { type Calls, callsOf, codeOf } from "./unwind.ts";
import { x86_64 } from "./x86-64.ts";

const source = join(import.meta.dirname, "../../../test/support/elf/frames.c");
const directory = mkdtempSync(join(tmpdir(), "suture-frames-"));
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Runs the program: where it says that its waiting thread will return to, and the calls that are found for that thread. */
async function run(flags: readonly string[], ...args: string[]): Promise<{ said: number[]; found: Calls | null }> {
  const program = join(directory, `frames${flags.join("")}`);
  execFileSync(process.env.CC ?? "cc", ["-g", "-pthread", "-o", program, source, ...flags]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const [number = "", ...addresses] = String(line).split(" ");
  const pid = Number(number);
  const said = addresses.map((address) => Number.parseInt(address, 16));
  const ranges = said.map((start) => ({ name: "where it will return to", start, end: start + 1 }));
  const nothing = () => {};
  // a busy machine may give the program no processor in time
  const { suspects } = await vi.waitFor(
    () => withAllStopped(openAddressSpace(pid), x86_64, ranges, [], null, nothing, nothing),
    30_000,
  );
  // where there are two, the first only waits for the other
  const snapshot = suspects.toSorted((one, other) => other.tid - one.tid)[0];
  if (!snapshot) throw new Error("no thread has any of them on its stack");
  const memory = openMemory(pid);
  const found = callsOf(x86_64, codeOf(readModules(pid, createFileCache()).modules, memory), snapshot);
  memory.close();
  return { said, found };
}

test.each([
  [["-O2"]],
  [["-O0"]],
  [["-O3", "-fno-omit-frame-pointer"]],
  [["-O2", "-mstackrealign"]],
  [["-O2", "-no-pie", "-fno-pie"]],
  [["-O1", "-static", "-Wl,--eh-frame-hdr"]],
  [["-O2", "-fcf-protection=full"]],
])(
  "the calls of a thread are found to its first, through a signal, on a stack of its own or not, and a library: %s",
  async (flags) => {
    for (const args of [[], ["in main"], ["altstack"]]) {
      const { said, found } = await run(flags, ...args);
      expect(said.length).toBeGreaterThan(6);
      // the innermost of them are those in which the program asked, and in which it waits
      expect(found?.addresses.slice(1 - said.length)).toEqual(said.slice(1));
    }
  },
);

test("where there is doubt no calls are told: in code that nobody described", async () => {
  expect((await run(["-O2", "-static"])).found).toBeNull();
  const undescribed = ["-O2", "-fno-asynchronous-unwind-tables", "-fno-exceptions", "-fno-unwind-tables"];
  expect((await run([...undescribed, "-fno-omit-frame-pointer"])).found).toBeNull();
});
