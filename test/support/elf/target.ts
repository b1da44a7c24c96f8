import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openJournal } from "../../../agent/engines/elf/journal.ts";
import { payloadsIn } from "../../../agent/engines/elf/resident.ts";
import type { ElfPatch } from "../../../agent/engines/engine.ts";
import { openMemory, readMappings } from "../../../agent/system/proc.ts";
import { buildOf } from "../../../protocol/build-id.ts";

const source = fileURLToPath(new URL(".", import.meta.url));
/** A script that runs a program as a child of its own, and kills it when it is told to end. */
export const asChildOfShell = join(source, "as-anothers-child.sh");
const compiler = process.env.CC ?? "cc";

/**
 * Compiles the test's program and its patch into a directory. Each build has an id of its own: else tests that run at the same
 * time would patch each other's processes.
 */
export function buildTarget(directory: string, ...flags: string[]): { binary: string; payload: string } {
  const binary = buildProgram("target.c", directory, ...flags);
  const payload = join(directory, "fix.so");
  compilePayload(join(source, "fix.c"), payload);
  return { binary, payload };
}

/** Compiles one of the programs in this folder into another; returns its path. */
export function buildProgram(name: string, directory: string, ...flags: string[]): string {
  const binary = join(directory, name.replace(/\.c$/, ""));
  const always = ["-O2", "-g", "-fno-inline", "-fno-ipa-cp", "-pthread", "-o", binary];
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  execFileSync(compiler, [...always, id, ...flags, join(source, name)]);
  return binary;
}

/** Compiles a payload as vendors do. */
export function compilePayload(from: string, to: string, ...flags: string[]): void {
  execFileSync(compiler, ["-O2", "-fPIC", "-fno-builtin", "-shared", "-nostdlib", ...flags, "-o", to, from]);
}

/** A patch for a built program, as if it had come through the service. */
export function patchFor(binary: string, payload: string, functions: ElfPatch["variant"]["functions"]): ElfPatch {
  const sha256 = "0".repeat(64);
  return {
    id: "acme/target/stable/fix@1",
    payload: readFileSync(payload),
    variant: {
      engine: "elf",
      functions,
      match: { buildId: buildOf(readFileSync(binary)) ?? "", arch: "x86_64" },
      bundle: { sha256, size: 1, encoding: "zstd", payload: { sha256, size: 1 } },
    },
  };
}

export const bothFunctions = [
  { name: "one", replacement: "one_fixed" },
  { name: "two", replacement: "two_fixed" },
];

export type Target = {
  pid: number;
  ask(command: string): Promise<string>;
  /** its mappings but for the heap and for payloads, which stay; with a journal's directory also but for memory of payloads that is unfinished */
  maps(journalDir?: string): string;
  code(): Buffer;
  stop(): Promise<void>;
};

/** Starts the program; returns once it answers. */
export async function startTarget(binary: string, ...args: string[]): Promise<Target> {
  const child = spawn("/bin/sh", [asChildOfShell, binary, ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the target ended");
    return String(value);
  };
  const [, number] = (await next()).split(" ");
  const pid = Number(number);
  const maps = (journalDir?: string) => mapsWithoutPayloads(pid, journalDir).replaceAll(/^.*\[heap\]\n/gm, "");
  return {
    pid,
    async ask(command) {
      child.stdin.write(`${command}\n`);
      return next();
    },
    maps,
    code: () => codeOf(pid),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** A program beside a built one that runs it as a child of another process, for whatever starts a program by its path. */
export function asChildOfAnother(binary: string): string {
  const program = `${binary}-of-another`;
  writeFileSync(program, `#!/bin/sh\nexec /bin/sh '${asChildOfShell}' '${binary}' "$@"\n`, { mode: 0o755 });
  return program;
}

/** The bytes of the program's own code in a process's memory. */
export function codeOf(pid: number): Buffer {
  const program = readlinkSync(`/proc/${pid}/exe`);
  const code = readMappings(pid).find(({ path, permissions }) => path === program && permissions === "r-xp");
  if (!code) throw new Error(`process ${pid} has no code`);
  const memory = openMemory(pid);
  try {
    return memory.read(code.start, code.end - code.start);
  } finally {
    memory.close();
  }
}

/** The payloads in a process's memory, each with its base and size in bytes. */
export function payloadsOf(pid: number): { patch: string; base: number; size: number }[] {
  const memory = openMemory(pid);
  try {
    return payloadsIn(memory, readMappings(pid));
  } finally {
    memory.close();
  }
}

function mapsWithoutPayloads(pid: number, journalDir?: string): string {
  const records = journalDir ? openJournal(journalDir) : undefined;
  const unfinished = [...(records?.all() ?? []), ...(records?.residents() ?? [])].filter(
    (record) => record.pid === pid,
  );
  const regions = [...payloadsOf(pid), ...unfinished];
  return readFileSync(`/proc/${pid}/maps`, "utf8").replaceAll(/^([0-9a-f]+)-.*\n/gm, (line, start: string) => {
    const address = Number.parseInt(start, 16);
    return regions.some(({ base, size }) => address >= base && address < base + size) ? "" : line;
  });
}

/** The names of a journal's records of patches that are applied, or on their way. */
export function recordsIn(journalDir: string): string[] {
  return readdirSync(journalDir).filter((name) => name.endsWith(".json"));
}
