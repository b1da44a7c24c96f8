import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

/** How many processes the host has beside the agent: each look at the host looks at all of them. */
export const others = 20;
/** A host of the agent's own, on which nothing comes or goes: a namespace of processes. Wants root. */
const quietHost = [
  ..."unshare --pid --fork --mount-proc --kill-child bash -c".split(" "),
  `for n in $(seq ${others}); do sleep 1h & done; exec "$@"`,
  "bash",
];
/** What a program starts with; authorities that only this machine has would cost each start that speaks TLS. */
const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;

/** Runs a program on a quiet host, and something with its lines and, once it has said one, its number here. */
export async function onQuietHost<T>(
  args: readonly string[],
  work: (lines: AsyncIterator<string>, pid: () => number) => Promise<T>,
): Promise<T> {
  const [command = "", ...rest] = [...quietHost, ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"], env: environment });
  const closed = once(child, "close");
  const pid = () => Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8"));
  try {
    return await work(createInterface({ input: child.stdout })[Symbol.asyncIterator](), pid);
  } finally {
    // It keeps every other signal from its child, and the host ends with it
    child.kill("SIGKILL");
    await closed;
  }
}

/** The shell tells whole milliseconds. */
const startsTimed = 3;

/** User and system time of a program on a quiet host, from its start to its end, in milliseconds, as the shell measures it: the mean of three. */
export async function cpuOf(args: readonly string[], more: NodeJS.ProcessEnv = {}): Promise<number> {
  const script = `TIMEFORMAT="%U %S"; time for n in $(seq ${startsTimed}); do "$@"; done >/dev/null 2>&1`;
  const [command = "", ...rest] = [...quietHost, "bash", "-c", script, "bash", ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"], env: { ...environment, ...more } });
  const [user = Number.NaN, system = Number.NaN] = (await text(child.stderr)).trim().split(" ").map(Number);
  return Math.round(((user + system) * 10_000) / startsTimed) / 10;
}

/** What a process's threads have used of the processor so far. */
export async function cpuMillis(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(
    threads.map(async (tid) => Number((await readFile(`/proc/${pid}/task/${tid}/schedstat`, "utf8")).split(" ")[0])),
  );
  return spent.reduce((sum, nanos) => sum + nanos, 0) / 1e6;
}

/** What a process holds in memory, with all that it shares. */
export async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 102.4) / 10;
}
