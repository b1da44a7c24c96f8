import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../agent/engines/engine.ts";
import { choose, type Patch, type Subject, subjectOf, use } from "./choose.ts";
import { find, freePort } from "./daemon.ts";
import { type EngineProcess, startEngine } from "./engine-process.ts";
import { exportedFunctions } from "./functions.ts";
import { identicalPayload } from "./identical-payload.ts";
import { type Load, startLoad } from "./load.ts";
import { clearCounters, countersOf, countMappings, ended, processesOf, readCalls } from "./processes.ts";
import type { Program, Running } from "./program.ts";
import { emptyRow, medianOf, type Row } from "./row.ts";

/** For so long the program runs patched, and then unpatched, in each cycle. */
const dwellMillis = 25;

type RunOptions = { directory: string; cycles: number; log: (line: string) => void };

/**
 * Runs one program of the corpus: starts it, puts load on it, applies and undoes a patch of its own code many times, and counts what
 * its clients, its processes and the patched functions saw. Everything that was started is stopped. Never throws for what the
 * program or the engine did wrong: that is the row's reason.
 */
export async function runProgram(program: Program, options: RunOptions): Promise<Row> {
  const row = emptyRow(program.name, program.about);
  const missing = program.needs.filter((each) => find(each) === null);
  if (missing.length > 0) {
    return { ...row, reason: `${missing.join(", ")} is not installed (Debian: ${program.packages})` };
  }
  row.version = program.version();
  const began = Date.now();
  const stack = new AsyncDisposableStack();
  let running: Running | null = null;
  const start = async () => {
    const directory = join(options.directory, `${program.name}-${Date.now()}`);
    mkdirSync(directory, { recursive: true });
    const started = await program.start({ directory, port: await freePort() });
    stack.defer(() => started.stop());
    const load = await startLoad(started.open, {
      connections: program.connections ?? 4,
      pauseMillis: program.pauseMillis ?? 10,
      requestsPerConnection: program.requestsPerConnection ?? Number.POSITIVE_INFINITY,
    });
    stack.defer(() => load.stop());
    running = started;
    return { running: started, load, directory };
  };
  try {
    const first = await start();
    const engine = startEngine(join(first.directory, "journal"));
    stack.defer(() => engine.stop());
    const subject = subjectOf(first.running);
    if (program.refused) await expectRefusal(program, subject, first.load, engine, row, options);
    else {
      const choice = await choose(subject, first.directory, engine, options.log);
      // a process that has seen nothing of the choice is measured
      const again = choice.tries > 1;
      if (again) await Promise.all([first.load.stop(), first.running.stop()]);
      const measured = again ? await start() : first;
      const own = again ? startEngine(join(measured.directory, "journal")) : engine;
      if (again) stack.defer(() => own.stop());
      await measure({ ...choice.patch, subject: subjectOf(measured.running) }, measured.load, own, row, options);
      row.agentPeakKiB = own.peakRssKiB();
    }
  } catch (error) {
    row.status = "failed";
    row.reason ||= error instanceof Error ? error.message : String(error);
  } finally {
    await stack.disposeAsync();
  }
  row.seconds = Math.round((Date.now() - began) / 1000);
  const log = (running as Running | null)?.log?.().trim();
  if (row.status === "failed" && log) options.log(`${program.name} wrote:\n${log.slice(-3000)}`);
  return row;
}

async function measure(patch: Patch, load: Load, engine: EngineProcess, row: Row, options: RunOptions): Promise<void> {
  const { payload, subject } = patch;
  const { path, file, running } = subject;
  await use(engine, options.directory, patch);
  const before = processesOf(path);
  const [main] = before;
  if (!main) throw new Error("no process has it mapped");
  const mappings = countMappings(main.pid);
  const copied = subject.functions.filter(({ name }) => payload.counterOf.has(name));
  const calls = () => [...readCalls(path, file, payload, copied).values()].reduce((sum, count) => sum + count, 0);
  const pauses: number[] = [];
  const troubles: string[] = [];
  row.functions = payload.functions.length;
  row.processes = before.length;

  const step = async (order: "apply" | "undo", wanted: string): Promise<void> => {
    const { outcome, retries, outcomes } = await engine.insist(order);
    row.retries += retries;
    for (const each of outcomes) {
      const processes = processesIn(each);
      pauses.push(...processes.flatMap(({ pauseMicros }) => (pauseMicros ? [pauseMicros] : [])));
      row.threads = Math.max(
        row.threads,
        processes.reduce((sum, { threads }) => sum + (threads ?? 0), 0),
      );
    }
    if (outcome.code !== wanted) throw new Error(`cycle ${row.cycles}: ${order}: ${outcome.code}: ${outcome.detail}`);
  };
  try {
    for (let cycle = 0; cycle < options.cycles; cycle++) {
      await step("apply", "applied");
      const earlier = calls();
      await sleep(dwellMillis);
      const later = calls();
      if (later > earlier) row.calls += later - earlier;
      const counters = countersOf(path, file, payload, copied);
      await step("undo", "undone");
      clearCounters(counters);
      await sleep(dwellMillis);
      row.cycles++;
      if (cycle % 20 === 19) options.log(`  ${row.program}: ${row.cycles} cycles, ${load.stats().requests} requests`);
      const { failed, closed } = load.stats();
      if (failed + closed > 0) break;
    }
  } catch (error) {
    troubles.push(error instanceof Error ? error.message : String(error));
  }
  await load.stop();
  const { requests, failed, closed, firstTrouble } = load.stats();
  const gone = ended(before).filter(({ commandLine }) => running.mayEnd?.(commandLine) !== true);
  Object.assign(row, { requests, failed, closed, deaths: gone.length });
  row.pauseMedianMicros = medianOf(pauses);
  row.pauseMaxMicros = Math.max(0, ...pauses);
  row.mappings = countMappings(main.pid) - mappings;
  for (const { pid, commandLine } of gone) troubles.push(`process ${pid} (${commandLine.slice(0, 80)}) ended`);
  if (failed + closed > 0) troubles.push(`its clients met: ${firstTrouble}`);
  if (row.calls === 0) troubles.push("no replaced function ever ran, which proves nothing");
  row.reason = troubles.join("; ");
  row.status = troubles.length === 0 ? "ok" : "failed";
}

/** A program that must not be patched: the engine says so each time, and the program goes on as before. */
async function expectRefusal(
  program: Program,
  subject: Subject,
  load: Load,
  engine: EngineProcess,
  row: Row,
  { cycles, directory }: RunOptions,
): Promise<void> {
  const payload = identicalPayload(process.execPath, exportedFunctions(process.execPath, ["uv_now"]));
  const own = subject.functions.length > 0 ? identicalPayload(subject.path, subject.functions) : payload;
  if (!own || !program.refused) throw new Error("there is nothing to offer");
  await use(engine, directory, { payload: own, subject });
  const before = processesOf(subject.path);
  row.processes = before.length;
  for (; row.cycles < Math.min(cycles, 20); row.cycles++) {
    const outcome = await engine.ask({ order: "apply" });
    const { codes, detail } = program.refused;
    if (!codes.includes(outcome.code) || !detail.test(outcome.detail)) {
      throw new Error(`apply: ${outcome.code}: ${outcome.detail}, instead of ${codes.join(" or ")}`);
    }
    row.reason = `${outcome.code}: ${outcome.detail}`;
    await sleep(dwellMillis);
  }
  await load.stop();
  const { requests, failed, closed, firstTrouble } = load.stats();
  Object.assign(row, { requests, failed, closed, deaths: ended(before).length });
  row.status = row.deaths + failed + closed === 0 ? "refused" : "failed";
  if (row.status === "failed") row.reason = firstTrouble || "it ended";
}

function processesIn(outcome: Outcome): { threads?: number; pauseMicros?: number }[] {
  const { processes } = outcome.evidence;
  return Array.isArray(processes) ? processes : [];
}
