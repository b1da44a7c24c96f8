import koffi from "koffi";
import { SutureError } from "../../protocol/errors.ts";

type Native = {
  ptrace: (request: number, tid: number, address: number, data: number | bigint) => number;
  ptraceBuffer: (request: number, tid: number, address: number, data: Buffer) => number;
  ptraceBuffers: (request: number, tid: number, address: Buffer, data: Buffer) => number;
  waitpid: (tid: number, status: Buffer, options: number) => number;
  schedYield: () => number;
  nanosleep: (time: Buffer, left: null) => number;
  getScheduler: (pid: number) => number;
  setScheduler: (pid: number, policy: number, parameter: Buffer) => number;
  syscall: (number: number, pid: number, other: number, type: number, a: number, b: number) => number;
  readv: (pid: number, local: Buffer, locals: number, remote: Buffer, remotes: number, flags: number) => number;
};

let loaded: Native | undefined;
/** The C library's functions, bound on first use: a machine that has no ptrace can still import this file. */
export function native(): Native {
  if (loaded) return loaded;
  const libc = koffi.load(null);
  loaded = {
    ptrace: libc.func("long ptrace(long request, int tid, intptr_t address, intptr_t data)"),
    ptraceBuffer: libc.func("long ptrace(long request, int tid, intptr_t address, void *data)"),
    ptraceBuffers: libc.func("long ptrace(long request, int tid, void *address, void *data)"),
    waitpid: libc.func("int waitpid(int tid, void *status, int options)"),
    schedYield: libc.func("int sched_yield()"),
    nanosleep: libc.func("int nanosleep(void *time, void *left)"),
    getScheduler: libc.func("int sched_getscheduler(int pid)"),
    setScheduler: libc.func("int sched_setscheduler(int pid, int policy, void *parameter)"),
    syscall: libc.func("long syscall(long number, long pid, long other, long type, long a, long b)"),
    readv: libc.func(
      "intptr_t process_vm_readv(int pid, void *local, unsigned long locals, void *remote, unsigned long remotes, unsigned long flags)",
    ),
  };
  return loaded;
}

function errorName(): string {
  const errno = koffi.errno();
  return Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`;
}

/**
 * The error of a request of ptrace(2) that failed; to be called right after it. ESRCH says that the thread ended, or another one executed
 * a program, while it was held: that passes, and is no fault of the engine.
 */
export function failed(what: string, tid: number): SutureError {
  const name = errorName();
  return new SutureError(name === "ESRCH" ? "blocked" : "engine-failed", `ptrace(${what}) of thread ${tid}: ${name}`);
}
