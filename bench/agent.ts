import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { bundleAgent } from "../infra/agent-bundle.ts";
import { gatherCast } from "../infra/local/demo/cast.ts";
import { startStack } from "../infra/local/stack.ts";
import { type Figure, median } from "./figure.ts";

const polls = 40;
/** Below the service's limit for one machine. */
const pollSeconds = 0.6;
const starts = 11;
/** More than the kernel's readings need to settle. */
const idleMillis = 1_500;

/** How many processes the host has beside the agent: each poll looks at all of them. */
const others = 20;
/** A host of the agent's own, on which nothing comes or goes: a namespace of processes. Wants root. */
const quietHost = [
  ..."unshare --pid --fork --mount-proc --kill-child bash -c".split(" "),
  `for n in $(seq ${others}); do sleep 1h & done; exec "$@"`,
  "bash",
];

/**
 * What the bundled agent costs a host, beside bare Node on the same machine: while it stays and hears that nothing is new, and as a
 * timer's program. Throws where no namespace can be made.
 */
export async function agentFigures(): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const stack = await startStack({ dataDir: join(folder, "service"), port: 0, pollSeconds: 60, log: () => undefined });
  try {
    const state = join(folder, "agent");
    await (await gatherCast(stack, folder)).enrol(state);
    const agent = await makeRelease(join(folder, "release"));
    return [...(await residentFigures(agent, state)), ...(await timerFigures(agent, state))];
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true });
  }
}

/** What a package holds (docs/adr/0052); answers with what starts it. */
async function makeRelease(release: string): Promise<string> {
  await bundleAgent(release);
  await symlink(process.execPath, join(release, "node"));
  const start = join(release, "bin/suture-agent");
  await mkdir(join(release, "bin"));
  await copyFile(join(import.meta.dirname, "../agent/package/release.sh"), start);
  await chmod(start, 0o755);
  return start;
}

async function residentFigures(agent: string, state: string): Promise<Figure[]> {
  const bare = await onQuietHost(
    [process.execPath, "-e", "console.log(0); setInterval(() => {}, 1e6)"],
    async (lines, pid) => {
      await lines.next();
      await sleep(idleMillis);
      return await residentMiB(pid());
    },
  );
  const started = performance.now();
  const args = [agent, "run", "--state", state, "--poll-every", String(pollSeconds), "--json"];
  return await onQuietHost(args, async (lines, pid) => {
    const costs: number[] = [];
    let [first, before] = [0, Number.NaN];
    while (costs.length < polls) {
      const { value: line, done } = await lines.next();
      if (done === true) throw new Error("the agent ended");
      // A round that is more than a poll: the first, which tells of the host
      if (JSON.parse(line).event !== "nothing-new") before = Number.NaN;
      else {
        first ||= performance.now() - started;
        const spent = await cpuMillis(pid());
        if (!Number.isNaN(before)) costs.push(spent - before);
        before = spent;
      }
    }
    const [resident, anchor] = [await residentMiB(pid()), `goal: <= 48, after ${polls} polls`];
    return [
      figure("agent.rss", resident, "MiB", { of: bare, versus: `${bare} MiB of bare node`, anchor }),
      figure("agent.poll.cpu", median(costs), "ms", { anchor: `goal: <= 4, among ${others} processes` }),
      figure("agent.start.toPoll", first, "ms", { anchor: "until the first answer that nothing is new" }),
    ];
  });
}

async function timerFigures(agent: string, state: string): Promise<Figure[]> {
  const bare: number[] = [];
  const timer: number[] = [];
  for (let round = 0; round < starts; round++) {
    bare.push(await cpuOf([process.execPath, "-e", "0"]));
    timer.push(await cpuOf([agent, "once", "--state", state]));
  }
  const of = median(bare);
  const versus = `${of} ms of node -e 0`;
  return [figure("agent.timer.cpu", median(timer), "ms", { of, versus, anchor: "goal: <= 1.3 x" })];
}

type Beside = { of?: number; versus?: string; anchor: string };

function figure(name: string, value: number, unit: string, { of, versus = "", anchor }: Beside): Figure {
  const ratio = of === undefined ? null : Math.round((value / of) * 100) / 100;
  return { name, value: Math.round(value * 10) / 10, unit, versus, ratio, anchor };
}

/** Runs a program on a quiet host, and something with its lines and, once it has said one, its number here. */
async function onQuietHost<T>(
  args: readonly string[],
  work: (lines: AsyncIterator<string>, pid: () => number) => Promise<T>,
): Promise<T> {
  const [command = "", ...rest] = [...quietHost, ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
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

/** User and system time of a program from its start to its end, in milliseconds, as the shell measures it. */
async function cpuOf(args: readonly string[]): Promise<number> {
  const script = 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1';
  const [command = "", ...rest] = [...quietHost, "bash", "-c", script, "bash", ...args];
  const child = spawn(command, rest, { stdio: ["ignore", "ignore", "pipe"] });
  const [user = Number.NaN, system = Number.NaN] = (await text(child.stderr)).trim().split(" ").map(Number);
  return Math.round((user + system) * 1000);
}

/** What a process's threads have used of the processor so far. */
async function cpuMillis(pid: number): Promise<number> {
  const threads = await readdir(`/proc/${pid}/task`);
  const spent = await Promise.all(
    threads.map(async (tid) => Number((await readFile(`/proc/${pid}/task/${tid}/schedstat`, "utf8")).split(" ")[0])),
  );
  return spent.reduce((sum, nanos) => sum + nanos, 0) / 1e6;
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 102.4) / 10;
}
