import { type ChildProcess, spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

/** How a program ended; `late` where it took too long and was ended. */
export type Ended = { code: number | null; signal: string | null; late: boolean };

const isWindows = process.platform === "win32";
const systemRoot = process.env.SystemRoot ?? "C:\\Windows";
const environment: NodeJS.ProcessEnv = isWindows
  ? {
      SystemRoot: systemRoot,
      PATH: `${systemRoot}\\System32`,
      TEMP: process.env.TEMP,
      ProgramData: process.env.ProgramData,
    }
  : { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** A group of its own, so that all of it can be ended, and nothing that ends this agent ends it. */
const surroundings = {
  cwd: isWindows ? systemRoot : "/",
  env: environment,
  detached: !isWindows,
  windowsHide: true,
} as const;
/** How long the end of a program's output is waited for once it has ended; something that it left running may hold it open. */
const lastWords = 500;

/**
 * Runs a program without a shell, with nothing on its standard input and none of this agent's environment. It and whatever it
 * started in its group end at the timeout, and where it does not end well.
 * @param program an absolute path
 * @param timeout milliseconds
 * @param onOutput told of what it prints; answers false where it is to be ended for it
 * @throws the system's errors where it cannot be started
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  timeout: number,
  onOutput: (stream: "stdout" | "stderr", bytes: Buffer) => boolean,
): Promise<Ended> {
  const child = spawn(program, args, { ...surroundings, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (bytes: Buffer) => onOutput(stream, bytes) || endGroup(child));
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child);
  }, timeout);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const [code, signal] = await exitOf(child);
    if (code !== 0 || late) endGroup(child);
    await Promise.race([closed, sleep(lastWords, undefined, { ref: false })]);
    return { code, signal, late };
  } finally {
    clearTimeout(timer);
    for (const output of [child.stdout, child.stderr]) output.destroy();
  }
}

/**
 * Runs a program as `runProgram` does, but never ends it: one that changes the host may be in the midst of it. Its output goes to
 * open files, so that it does not fail for want of a reader when this agent ends.
 * @param timeout milliseconds, after which it is left alone and the answer is `late`
 * @param onStart told its process
 */
export async function orderProgram(
  program: string,
  args: readonly string[],
  timeout: number,
  [stdout, stderr]: readonly [number, number],
  onStart: (pid: number) => void,
): Promise<Ended> {
  const child = spawn(program, args, { ...surroundings, stdio: ["ignore", stdout, stderr] });
  if (child.pid !== undefined) onStart(child.pid);
  const exit = exitOf(child);
  const timer = new AbortController();
  const limit = sleep(timeout, "late", { signal: timer.signal }).catch(() => "late");
  const ended = await Promise.race([exit, limit]);
  timer.abort();
  if (typeof ended !== "string") return { code: ended[0], signal: ended[1], late: false };
  child.unref();
  return { code: null, signal: null, late: true };
}

function exitOf(child: ChildProcess): Promise<[code: number | null, signal: string | null]> {
  return new Promise((resolve, reject) => {
    child.once("exit", (...how) => resolve(how)).once("error", reject);
  });
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(isWindows ? pid : -pid, "SIGKILL");
  } catch {
    // Nobody of it is left
  }
}
