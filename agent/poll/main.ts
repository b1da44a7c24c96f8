#!/usr/bin/env node
import { writeSync } from "node:fs";
import { join } from "node:path";
import { hearsNothingNew } from "./ask.ts";
import { isCalm } from "./calm.ts";
import { callerOf, foldersOf, readNote, touchNote } from "./note.ts";

/** What answers at all answers within this; milliseconds. The whole round has more patience. */
const patience = 10_000;

/**
 * `suture-agent poll` in a release: a program of its own, for loading the agent costs five times what Node's start does. It polls where the
 * last whole round left a note that still holds. Otherwise, and where the answer is any but "nothing new", this process goes on as the agent.
 */
async function main(): Promise<void> {
  const environment = { ...process.env };
  if (!(await isNothingNew())) goOnAsAgent(environment);
  writeSync(1, "Nothing new.\n");
  process.exit(0);
}

async function isNothingNew(): Promise<boolean> {
  try {
    const state = foldersOf(process)?.state;
    const note = state === undefined ? undefined : readNote(state);
    if (state === undefined || note === undefined) return false;
    if (!isCalm(note, { state, caller: callerOf(process), now: Date.now() / 1000 })) return false;
    if (!(await hearsNothingNew(note, patience))) return false;
    touchNote(state);
    return true;
  } catch {
    // No note, one that is damaged, a file that cannot be looked at: the whole round finds out, and says what is wrong
    return false;
  }
}

function goOnAsAgent(environment: NodeJS.ProcessEnv): never {
  const agent = join(callerOf(process).release, "agent.cjs");
  process.execve?.(process.execPath, [process.execPath, agent, ...process.argv.slice(2)], environment);
  throw new Error("This system cannot go on as another program");
}

void main();
