import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isSystemError } from "../../agent/system/proc.ts";
import { buildEchod, echodSource, startEchod } from "../../infra/local/echod.ts";
import { type Load, startLoad } from "../../infra/local/load.ts";
import { type Figure, median } from "../figure.ts";
import { type BenchAgent, type Order, startAgent } from "./agent.ts";
import { histogram, type Series } from "./histogram.ts";

const run = promisify(execFile);
const compiler = process.env.CC ?? "cc";
const sources = fileURLToPath(new URL(".", import.meta.url));
const picture = fileURLToPath(new URL("../../build/bench/elf-pauses.svg", import.meta.url));
const toggles = 24;
const cycles = 100;
const gdbRuns = 3;
/** Goals in microseconds, by threads, and what libpulp was measured at (design, "Numbers to be held to"). */
const cases = [
  { threads: 1, goal: 150, libpulp: 4537 },
  { threads: 8, goal: 300, libpulp: 3085 },
  { threads: 64, goal: 1000, libpulp: 9610 },
  { threads: 256, goal: 4000, libpulp: 21_161 },
];

/**
 * The elf engine on a server under load: how long the server stands still, as its own heartbeat sees it, beside what attaching and
 * detaching gdb costs it; what its clients notice; what the patch costs afterwards. The pauses are also drawn, into build/bench.
 */
export async function elfFigures(): Promise<Figure[]> {
  const directory = await mkdtemp(join(tmpdir(), "suture-bench-"));
  try {
    const builds = await build(directory);
    const agentFor = (binary: string) => startAgent(join(directory, "journal"), binary, builds.payload);
    const figures: Figure[] = [];
    const series: Series[] = [];
    for (const each of cases) {
      const binary = each.threads === 1 ? builds.oneThread : builds.binary;
      const measured = await pauses(agentFor(binary), binary, each);
      figures.push(...measured.figures);
      series.push(...measured.series);
    }
    figures.push(...(await underLoad(agentFor(builds.binary), builds.binary)));
    figures.push(...(await afterwards(agentFor(builds.binary), builds)));
    await mkdir(join(picture, ".."), { recursive: true });
    await writeFile(picture, histogram("How long a server under load stands still", series));
    console.log(`picture: ${picture}`);
    return figures;
  } finally {
    await rm(directory, { recursive: true });
  }
}

type Builds = { binary: string; payload: string; oneThread: string; hammer: string };

async function build(directory: string): Promise<Builds> {
  const [oneThread, hammer] = [join(directory, "one-thread"), join(directory, "hammer")];
  const always = ["-std=gnu11", "-O2", "-g", "-pthread"];
  const server = [join(sources, "one-thread.c"), join(echodSource, "echo.c")];
  await run(compiler, [...always, "-Wl,--build-id", "-I", echodSource, "-o", oneThread, ...server]);
  await run(compiler, [...always, "-o", hammer, join(sources, "hammer.c")]);
  return { ...(await buildEchod(directory)), oneThread, hammer };
}

async function pauses(
  agent: BenchAgent,
  binary: string,
  { threads, goal, libpulp }: (typeof cases)[number],
): Promise<{ figures: Figure[]; series: Series[] }> {
  const server = await startEchod(binary);
  // a thread for each connection, and three more: the listener's, the heartbeat's and the probe's
  const load = await startLoad({ port: server.port, connections: threads === 1 ? 4 : threads - 3 });
  try {
    await load.worstGapMicros();
    await sleep(100);
    const values: Record<Order, number[]> = { apply: [], undo: [] };
    const alone: number[] = [];
    for (let toggle = 0; toggle < toggles; toggle++) {
      for (const order of ["apply", "undo"] as const) {
        const begin = performance.now();
        values[order].push(await gapDuring(load, () => agent.toggle(order)));
        const took = performance.now() - begin;
        alone.push(await gapDuring(load, () => sleep(took)));
      }
    }
    const gdb = await gdbPause(load, server.pid);
    const figures = (["apply", "undo"] as const).map((order): Figure => {
      const value = median(values[order]);
      return {
        name: `elf.${order === "apply" ? "pause" : "undo"}.us.${threads}`,
        value,
        unit: "us",
        versus: gdb === null ? "nothing: gdb is not installed" : `gdb attach and detach, ${gdb} us`,
        ratio: gdb === null ? null : ratio(value, gdb),
        anchor: `goal ${goal} us; libpulp ${libpulp} us`,
      };
    });
    const series = (["apply", "undo"] as const).map((order) => ({
      title: `${order}, ${threads} thread${threads === 1 ? "" : "s"}`,
      values: values[order],
      goal,
    }));
    figures.push({
      name: `elf.heartbeat.us.${threads}`,
      value: median(alone),
      unit: "us",
      versus: "nothing",
      ratio: null,
      anchor: "the worst gap in as long a time without any stop: what this machine does by itself",
    });
    return { figures, series };
  } finally {
    await load.stop();
    await server.stop();
    agent.stop();
  }
}

/** Many cycles: what the clients notice, what stays in the server, what the engine's process needs. */
async function underLoad(agent: BenchAgent, binary: string): Promise<Figure[]> {
  const server = await startEchod(binary);
  const load = await startLoad({ port: server.port });
  try {
    await load.worstGapMicros();
    await sleep(500);
    const before = mappedBytes(server.pid);
    for (let cycle = 0; cycle < cycles; cycle++) {
      await agent.toggle("apply");
      await agent.toggle("undo");
    }
    const left = (mappedBytes(server.pid) - before) / cycles;
    const { requests, failed, closed } = load.stats();
    const alone = { versus: `${requests} requests over ${cycles} cycles`, ratio: null, anchor: "goal 0" };
    const rss = { versus: "nothing", ratio: null, anchor: "the most that the engine's process held while it applied" };
    return [
      { name: "elf.failedRequests", value: failed, unit: "requests", ...alone },
      { name: "elf.closedConnections", value: closed, unit: "connections", ...alone },
      { name: "elf.left.bytes", value: left, unit: "bytes a cycle", ...alone },
      { name: "elf.agent.rss.mib", value: Number((agent.peakRssKiB() / 1024).toFixed(1)), unit: "MiB", ...rss },
    ];
  } finally {
    await load.stop();
    await server.stop();
    agent.stop();
  }
}

const rounds = 16;
const roundMillis = "400";
const hammerConnections = "4";

/** Throughput and p99 of the patched server over the same one unpatched, right before and after it. */
async function afterwards(agent: BenchAgent, { binary, hammer }: Builds): Promise<Figure[]> {
  const server = await startEchod(binary);
  const hit = async () => {
    const { stdout } = await run(hammer, [String(server.port), hammerConnections, roundMillis]);
    const [perSecond = Number.NaN, p99 = Number.NaN] = stdout.split(" ").map(Number);
    return { perSecond, p99 };
  };
  try {
    await hit();
    const turns: Record<"perSecond" | "p99", number>[][] = [];
    for (let round = 0; round < rounds; round++) {
      const before = await hit();
      await agent.toggle("apply");
      const patched = [await hit(), await hit()];
      await agent.toggle("undo");
      turns.push([...patched, before, await hit()]);
    }
    const figure = (name: string, field: "perSecond" | "p99", unit: string, goal: string): Figure => {
      // neighbours are compared: what else the machine does changes from round to round
      const ratios = turns.map((turn) => {
        const [one = Number.NaN, two = Number.NaN, before = Number.NaN, after = Number.NaN] = turn.map(
          (hit) => hit[field],
        );
        return (one + two) / (before + after);
      });
      const plain = median(turns.map(([, , before]) => before?.[field] ?? Number.NaN));
      const value = Number(median(ratios).toPrecision(3));
      return { name, value, unit: "", versus: `unpatched, ${plain} ${unit}`, ratio: value, anchor: `goal ${goal}` };
    };
    return [
      figure("elf.throughput.ratio", "perSecond", "requests/s", ">= 0.99"),
      figure("elf.p99.ratio", "p99", "ns", "<= 1.02"),
    ];
  } finally {
    await server.stop();
    agent.stop();
  }
}

async function gapDuring(load: Load, work: () => Promise<unknown>): Promise<number> {
  await load.worstGapMicros();
  await work();
  return load.worstGapMicros();
}

/** What a debugger does to the same process: the least that it takes to stop and to go on. Null where there is no gdb. */
async function gdbPause(load: Load, pid: number): Promise<number | null> {
  const gaps: number[] = [];
  try {
    for (let turn = 0; turn < gdbRuns; turn++) {
      gaps.push(await gapDuring(load, () => run("gdb", ["-batch", "-nx", "-p", String(pid)])));
    }
  } catch (error) {
    if (isSystemError(error, "ENOENT")) return null;
    throw error;
  }
  return median(gaps);
}

/** What a process has mapped, its heap aside, which its own work grows. */
function mappedBytes(pid: number): number {
  let total = 0;
  for (const line of readFileSync(`/proc/${pid}/maps`, "latin1").split("\n")) {
    const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    if (start === undefined || end === undefined || line.endsWith("[heap]")) continue;
    total += Number.parseInt(end, 16) - Number.parseInt(start, 16);
  }
  return total;
}

function ratio(value: number, other: number): number {
  return Number((value / other).toPrecision(3));
}
