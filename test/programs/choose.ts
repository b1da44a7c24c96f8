import { readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Outcome } from "../../agent/engines/engine.ts";
import { buildOf } from "../../protocol/build-id.ts";
import { ElfFile } from "../../protocol/elf/elf-file.ts";
import { writeDebugFile } from "./debug-file.ts";
import type { EngineProcess } from "./engine-process.ts";
import { describedFunctions, exportedFunctions } from "./functions.ts";
import { type CodeRange, type IdenticalPayload, identicalPayload } from "./identical-payload.ts";
import { readCalls } from "./processes.ts";
import type { Running } from "./program.ts";

/** A patch holds no more than 256 (protocol/wire/patch.ts). */
const maxFunctions = 250;
/** Of the functions of a stripped program, as many as are called most. */
const mostCalled = 40;
/** For so long the calls of its functions are counted. */
const watchMillis = 500;

/** The file that is patched, and which of its functions. */
export type Subject = {
  path: string;
  file: ElfFile;
  buildId: string;
  functions: readonly CodeRange[];
  running: Running;
};
export type Patch = { payload: IdenticalPayload; subject: Subject };

/** What of a running program is patched. For a stripped one its debug file is written. */
export function subjectOf(running: Running): Subject {
  const path = realpathSync(running.module);
  const bytes = readFileSync(path);
  const buildId = buildOf(bytes) ?? "0".repeat(40);
  const isElf64 = bytes[4] === 2;
  const file = isElf64 ? new ElfFile(bytes) : new ElfFile(readFileSync(process.execPath));
  if (running.functions !== "all")
    return { path, file, buildId, functions: isElf64 ? exportedFunctions(path, running.functions) : [], running };
  const functions = describedFunctions(path);
  writeDebugFile(buildId, functions);
  return { path, file, buildId, functions, running };
}

/** Has an engine work on a patch from now on. */
export async function use(engine: EngineProcess, directory: string, { payload, subject }: Patch): Promise<void> {
  const path = join(directory, "payload.so");
  writeFileSync(path, payload.bytes);
  const { buildId } = subject;
  const { functions } = payload;
  await engine.ask({ order: "use", id: "acme/corpus/stable/copy@1", buildId, payload: path, functions });
}

/**
 * Makes the patch that a program is measured with. Functions that are on a stack for good are left out, such as the loop in which a
 * server waits: every patch of them is `blocked`. Of a stripped program's functions those are taken that the load calls most.
 */
export async function choose(
  subject: Subject,
  directory: string,
  engine: EngineProcess,
  log: (line: string) => void,
): Promise<{ patch: Patch; tries: number }> {
  if (subject.running.functions !== "all") {
    const { payload, tries } = await tryOut(subject, subject.functions, directory, engine, log);
    return { patch: { payload, subject }, tries };
  }
  const calls: [string, number][] = [];
  let tries = 1;
  for (let first = 0; first < subject.functions.length; first += maxFunctions) {
    const some = subject.functions.slice(first, first + maxFunctions);
    const tried = await tryOut(subject, some, directory, engine, log);
    tries += tried.tries;
    calls.push(...tried.calls);
  }
  const hot = calls
    .filter(([, count]) => count > 0)
    .sort(([, one], [, other]) => other - one)
    .slice(0, mostCalled)
    .map(([name]) => name);
  const payload = identicalPayload(
    subject.path,
    subject.functions.filter(({ name }) => hot.includes(name)),
  );
  if (!payload) throw new Error("the load calls no function that could be copied");
  return { patch: { payload, subject }, tries };
}

type Tried = { payload: IdenticalPayload; tries: number; calls: Map<string, number> };

/** Applies a patch of the functions, less those that are in the way, and counts their calls for a while. */
async function tryOut(
  subject: Subject,
  functions: readonly CodeRange[],
  directory: string,
  engine: EngineProcess,
  log: (line: string) => void,
): Promise<Tried> {
  const dropped = new Set<string>();
  for (let tries = 1; ; tries++) {
    const payload = identicalPayload(
      subject.path,
      functions.filter(({ name }) => !dropped.has(name)),
    );
    if (!payload) throw new Error("it has no function that could be copied");
    await use(engine, directory, { payload, subject });
    const outcome = await firstClear(payload.functions, () => engine.ask({ order: "apply" }));
    if (outcome.code === "applied") await sleep(watchMillis);
    const calls = readCalls(subject.path, subject.file, payload, functions);
    const { outcome: undone } = await engine.insist("undo");
    if (undone.code !== "undone") throw new Error(`undo: ${undone.code}: ${undone.detail}`);
    if (outcome.code === "applied") return { payload, tries, calls };
    const busy = payload.functions.find(({ name }) => isNamed(name, outcome));
    if (!busy) throw new Error(`apply: ${outcome.code}: ${outcome.detail}`);
    dropped.add(busy.name);
    log(`  left out, always on a stack: ${busy.name}`);
  }
}

/** The first outcome that is no mere busyness: `blocked` by no function may be otherwise in a moment. */
async function firstClear(functions: IdenticalPayload["functions"], apply: () => Promise<Outcome>): Promise<Outcome> {
  for (let left = 50; ; left--, await sleep(100)) {
    const outcome = await apply();
    const isClear = outcome.code !== "blocked" || functions.some(({ name }) => isNamed(name, outcome));
    if (isClear || left === 0) return outcome;
  }
}

function isNamed(name: string, { detail }: Outcome): boolean {
  return new RegExp(`\\b${name}\\b`).test(detail);
}
