import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, untilReady, versionBy } from "../daemon.ts";
import type { Program, Running } from "../program.ts";
import { talk, workloads } from "./talk.ts";

const always = ["-O2", "-fno-inline", "-Wl,--build-id"];

/** Compiles a program of this folder. */
function compile(directory: string, source: string, compiler: string, ...flags: string[]): string {
  const program = join(directory, source.replace(/\.c$/, ""));
  execFileSync(compiler, [...always, ...flags, "-o", program, join(workloads, source)], { stdio: "pipe" });
  return program;
}

/** A program under another that traces it. The tracer is given the process, for what is patched is to be seen from outside. */
function traced(command: string, argsFor: (pid: number) => readonly string[]): Program["start"] {
  return async ({ directory }): Promise<Running> => {
    const program = compile(directory, "worker.c", "cc", "-pthread");
    const running = talk(program, ["steps", "step"], program, []);
    const tracer = startDaemon(command, argsFor(running.pid));
    await untilReady(tracer, async () =>
      /^TracerPid:\t[1-9]/m.test(readFileSync(`/proc/${running.pid}/status`, "latin1")),
    );
    return {
      ...running,
      log: () => `${running.log?.() ?? ""}${tracer.log()}`,
      async stop() {
        await tracer.stop();
        await running.stop();
      },
    };
  };
}

const one = { connections: 1, pauseMillis: 5 };
const beingTraced = { codes: ["blocked"], detail: /process \d+ \((?:gdb|strace)\) traces it/ };

/** Small programs for what no package has, and those that must be left alone. */
export const smallPrograms: Program[] = [
  {
    ...one,
    name: "rseq",
    about: "four threads in restartable sequences, as allocators with a cache for each processor",
    needs: ["cc"],
    packages: "gcc",
    version: () => `glibc ${versionBy("ldd", "--version")}`,
    async start({ directory }) {
      const program = compile(directory, "restartable.c", "cc", "-pthread");
      return talk(program, ["count_once", "steps"], program, []);
    },
  },
  {
    ...one,
    name: "musl-static",
    about: "another C library, linked in, with its signal functions: without those a program is refused",
    needs: ["musl-gcc"],
    packages: "musl-tools",
    version: () => `musl ${versionBy("dpkg-query", "--show", "musl")}`,
    async start({ directory }) {
      const program = compile(directory, "worker.c", "musl-gcc", "-static", "-pthread", "-Wl,-u,sigaction");
      return talk(program, ["steps", "step"], program, []);
    },
  },
  {
    ...one,
    name: "thirty-two-bit",
    about: "a 32-bit program, which is refused",
    needs: ["cc"],
    packages: "gcc",
    version: () => "i386",
    async start({ directory }) {
      const freestanding = ["-m32", "-nostdlib", "-static", "-ffreestanding", "-fno-pic", "-fno-stack-protector"];
      const program = compile(directory, "thirty-two.c", "cc", ...freestanding);
      return talk(program, ["steps"], program, []);
    },
    refused: { codes: ["not-applicable", "unsupported"], detail: /./ },
  },
  {
    ...one,
    name: "gdb",
    about: "a program that is being debugged, which is refused",
    needs: ["gdb", "cc"],
    packages: "gdb, gcc",
    version: () => versionBy("gdb", "--version"),
    start: traced("gdb", (pid) => ["-q", "-nx", "-batch", "-p", String(pid), "-ex", "continue"]),
    refused: beingTraced,
  },
  {
    ...one,
    name: "strace",
    about: "a program whose system calls are traced, which is refused",
    needs: ["strace", "cc"],
    packages: "strace, gcc",
    version: () => versionBy("strace", "--version"),
    start: traced("strace", (pid) => ["-f", "-qq", "-o", "/dev/null", "-p", String(pid)]),
    refused: beingTraced,
  },
];
