import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { createElfEngine } from "../../../agent/engines/elf/engine.ts";
import type { ElfPatch, Engine, Outcome } from "../../../agent/engines/engine.ts";
import { exportedFunctions } from "../../programs/functions.ts";
import { identicalPayload } from "../../programs/identical-payload.ts";
import { patient } from "../elf/patient.ts";
import { startTarget, type Target } from "../elf/target.ts";
import { carryOut, type Order, patchOf, type Version } from "./orders.ts";

const agent = fileURLToPath(new URL("agent.ts", import.meta.url));
const source = fileURLToPath(new URL("any-program.c", import.meta.url));
const patchable = ["leaf", "middle", "outer", "stepwise"];
/** An engine takes fewer steps than this for one process. */
const mostSteps = 40;
const patienceMillis = 60_000;

/** A program, two patches of it, and what is done with them. `killAt`: the agent is killed after so many of its steps. */
export type History = {
  parts: Readonly<Record<string, number>>;
  first: readonly string[];
  second: readonly string[];
  steps: readonly { order: Order; killAt: number | null }[];
};

const isThere = fc.constantFrom(0, 1);
const functions = fc.subarray(patchable, { minLength: 1 });

/** Histories of all kinds. Parts that are 0 are left out of the program. */
export const histories: fc.Arbitrary<History> = fc.record({
  parts: fc.record({
    THREADS: fc.integer({ min: 0, max: 4 }),
    COROUTINES: fc.constantFrom(0, 1, 5),
    SIGNALS: isThere,
    ALTERNATE: isThere,
    CHILDREN: isThere,
    VFORK: isThere,
    SHARING: isThere,
    RESTARTABLE: isThere,
    ESCAPE: isThere,
  }),
  first: functions,
  second: functions,
  steps: fc.array(
    fc.record({
      order: fc.constantFrom<Order[]>("apply", "supersede", "undo", "undo second", "recover"),
      killAt: fc.option(fc.integer({ min: 1, max: mostSteps }), { freq: 2 }),
    }),
    { minLength: 2, maxLength: 7 },
  ),
});

/**
 * Goes through a history: the program never ends, every result of it is right after every step, whatever was done to it and wherever an
 * agent was killed, and in the end all is undone and each of its parts goes on. Throws with what was seen otherwise.
 */
export async function goThrough({ parts, first, second, steps }: History): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "suture-history-"));
  let target: Target | null = null;
  try {
    const binary = build(directory, parts);
    const versions = [first, second].map((names, index): Version => {
      const payload = identicalPayload(binary, exportedFunctions(binary, names));
      if (!payload) throw new Error("nothing can be copied");
      const path = join(directory, `payload-${index}.so`);
      writeFileSync(path, payload.bytes);
      return { binary, payload: path, functions: payload.functions };
    });
    const patches = versions.map(patchOf);
    const journalDir = join(directory, "journal");
    target = await startTarget(binary);
    let engine = patient(createElfEngine({ journalDir }));
    for (const { order, killAt } of steps) {
      if (killAt === null) expectOutcomes(order, await carryOut(engine, patches, order));
      else {
        await killedAt(killAt, order, journalDir, versions);
        engine = patient(createElfEngine({ journalDir }));
        expectOutcomes("recover", await engine.recover());
      }
      await expectRight(target, order);
    }
    await undoAll(engine, patches);
    const left = await engine.list();
    if (left.length > 0) throw new Error(`after its undo it is still applied: ${JSON.stringify(left)}`);
    await expectProgress(target);
  } finally {
    await target?.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function build(directory: string, parts: History["parts"]): string {
  const binary = join(directory, "program");
  const chosen = Object.entries(parts).flatMap(([name, count]) => (count > 0 ? [`-D${name}=${count}`] : []));
  const id = `-Wl,--build-id=0x${randomBytes(20).toString("hex")}`;
  const compiler = process.env.CC ?? "cc";
  execFileSync(compiler, ["-O2", "-fno-inline", "-pthread", "-rdynamic", id, ...chosen, "-o", binary, source]);
  return binary;
}

async function killedAt(step: number, order: Order, journalDir: string, versions: readonly Version[]): Promise<void> {
  const args = [agent, String(step), order, journalDir, JSON.stringify(versions)];
  const [code, signal] = await once(spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] }), "exit");
  // it may have had nothing left to do
  if (signal !== "SIGKILL" && code !== 0) throw new Error(`the agent ended by itself during ${order}: ${code}`);
}

const possible: Record<Order, readonly string[]> = {
  apply: ["applied", "already-applied", "blocked", "not-applicable"],
  supersede: ["applied", "already-applied", "blocked", "not-applicable"],
  undo: ["undone", "undo-pending"],
  "undo second": ["undone", "undo-pending"],
  recover: ["applied", "undone", "undo-pending", "blocked", "not-applicable"],
};

function expectOutcomes(order: Order, outcomes: readonly Outcome[]): void {
  const strange = outcomes.find(({ code }) => !possible[order].includes(code));
  if (strange) throw new Error(`${order}: ${strange.code}: ${strange.detail}`);
}

/** Undoes all, whichever of them lies on top of the other. */
async function undoAll(engine: Engine, patches: readonly ElfPatch[]): Promise<void> {
  let left = [...patches];
  for (const deadline = Date.now() + patienceMillis; left.length > 0; await sleep(50)) {
    const busy: ElfPatch[] = [];
    for (const patch of left) {
      const outcome = await engine.undo(patch.id);
      if (outcome.code === "undone") continue;
      if (outcome.code !== "undo-pending" || Date.now() > deadline) {
        throw new Error(`the last undo: ${outcome.code}: ${outcome.detail}`);
      }
      busy.push(patch);
    }
    left = busy;
  }
}

/** How far each of the program's parts is; throws where one of its results was wrong, or it has ended. */
async function expectRight(target: Target, after: string): Promise<readonly number[]> {
  const [wrong, ...progress] = (await target.ask("tell")).split(" ").map(Number);
  if (wrong !== 0) throw new Error(`${wrong} results were wrong after ${after}`);
  return progress;
}

async function expectProgress(target: Target): Promise<void> {
  const before = await expectRight(target, "the history");
  for (const deadline = Date.now() + patienceMillis; ; await sleep(20)) {
    const now = await expectRight(target, "the history");
    const stuck = now.findIndex((value, part) => value === before[part]);
    if (stuck < 0) return;
    if (Date.now() > deadline) throw new Error(`part ${stuck} does not go on`);
  }
}
