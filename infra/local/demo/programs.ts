import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { describeError, SutureError } from "../../../protocol/errors.ts";
import { spawnBound, stopBound } from "../bound-process.ts";

const root = join(import.meta.dirname, "../../..");

/** A program of ours in a process of its own, as its user would run it. */
type Program = "cli/main.ts" | "agent/main.ts";

/** No program takes this long unless something is wrong, such as a stranger at a port that says nothing; milliseconds. */
const patience = 120_000;

/**
 * Runs a program to its end and parses the JSON object that it prints.
 * @throws SutureError `unavailable` where it does not end, `internal` with what it said where it exits other than 0
 */
export async function runProgram(
  program: Program,
  args: readonly string[],
  env: Record<string, string> = {},
  limit = patience,
): Promise<Record<string, unknown>> {
  const child = startProgram(program, args, env);
  const [out, err] = [collect(child.stdout), collect(child.stderr)];
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    void stopBound(child);
  }, limit);
  const [code] = await once(child, "close");
  clearTimeout(timer);
  const name = `${program} ${args.slice(0, 2).join(" ")}`;
  if (isLate)
    throw new SutureError("unavailable", `${name} had not ended after ${limit / 1000} s: ${await err}${await out}`);
  if (code !== 0) throw new SutureError("internal", `${name} exited with ${code}: ${await err}${await out}`);
  try {
    return JSON.parse((await out).trim().split("\n").at(-1) ?? "");
  } catch (cause) {
    throw new SutureError("internal", `${name} printed no JSON: ${describeError(cause)}`, { cause });
  }
}

export type RunningAgent = { stop(): Promise<void> };

/** Starts an agent that polls every second. Its events go to a log file: its receipts tell the story. */
export function runAgent(stateDir: string, logFile: string): RunningAgent {
  const child = startProgram("agent/main.ts", ["run", "--state", stateDir, "--poll-every", "1", "--json"], {});
  const log = createWriteStream(logFile, { flags: "a" });
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  return { stop: () => stopBound(child) };
}

function startProgram(program: Program, args: readonly string[], env: Record<string, string>) {
  const flags = ["--disable-warning=ExperimentalWarning"];
  return spawnBound(process.execPath, [...flags, join(root, program), ...args], {
    output: "pipe",
    env: { ...process.env, ...env },
  });
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}
