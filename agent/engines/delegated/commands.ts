import { closeSync, existsSync, openSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { jsonFile } from "../../state/json-file.ts";
import { whyChangeable } from "../../system/ownership.ts";
import { startTime } from "../../system/proc.ts";
import { orderProgram, runProgram } from "../../system/program.ts";

/** What a tool said. `late`: it took too long; `excess`: it printed more than anybody reads, and was ended for it. */
export type Ran = { code: number | null; stdout: string; stderr: string; late: boolean; excess: boolean };

/** The tools of another's client. */
export type Commands = {
  /** Told without running anything. */
  has(tool: string): boolean;
  /** Has a tool tell something; it is ended where it does not within seconds. */
  ask(tool: string, args: readonly string[]): Promise<Ran>;
  /** Has a tool change the host. One that takes too long is left alone: it may be in the midst of it. */
  order(tool: string, args: readonly string[]): Promise<Ran>;
  /** Whether an order is still at work, of this agent or of the one before it. */
  isOrdering(): boolean;
};

/** The process of the newest order, and when it started: its number may be another's by now. */
const Ordered = z.strictObject({ pid: z.number().int(), start: z.string() });

/** Never from PATH: an agent that runs as root starts nothing that a variable names. */
const folders =
  process.platform === "win32"
    ? [join(process.env.SystemRoot ?? "C:\\Windows", "System32", "WindowsPowerShell", "v1.0")]
    : ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/snap/bin"];
const askMillis = 20_000;
const orderMillis = 15 * 60_000;
const maxBytes = 1024 * 1024;

/** Where a tool is installed; undefined where it is not. */
export function findTool(tool: string, among: readonly string[] = folders): string | undefined {
  return among.map((folder) => join(folder, tool)).find((path) => existsSync(path));
}

/**
 * The tools of this host.
 * @param directory where the output of what changes the host is written while it does: the tool outlives an agent that is ended
 * @param among the folders that tools are looked for in
 * @param limits milliseconds
 */
export function hostCommands(
  directory: string,
  among: readonly string[] = folders,
  limits: { ask: number; order: number } = { ask: askMillis, order: orderMillis },
): Commands {
  const ordered = jsonFile(join(directory, "ordered"), Ordered);
  return {
    has: (tool) => findTool(tool, among) !== undefined,
    async ask(tool, args) {
      const output = { stdout: "", stderr: "" };
      let excess = false;
      const { code, late } = await runProgram(toolAt(tool, among), args, limits.ask, (stream, bytes) => {
        output[stream] += bytes.toString("utf8");
        excess = output[stream].length > maxBytes;
        return !excess;
      });
      return { code, ...output, late, excess };
    },
    async order(tool, args) {
      const [stdout, stderr] = ["stdout", "stderr"].map((name) => join(directory, `order.${name}`)) as [string, string];
      const files = [stdout, stderr].map((path) => openSync(path, "w", 0o600)) as [number, number];
      try {
        const { code, late } = await orderProgram(toolAt(tool, among), args, limits.order, files, (pid) =>
          ordered.write({ pid, start: startTime(pid) ?? "" }),
        );
        return { code, stdout: headOf(stdout), stderr: headOf(stderr), late, excess: false };
      } finally {
        for (const file of files) closeSync(file);
      }
    },
    isOrdering() {
      const newest = ordered.read();
      return newest !== undefined && startTime(newest.pid) === newest.start;
    },
  };
}

function toolAt(tool: string, among: readonly string[]): string {
  const path = findTool(tool, among);
  if (path === undefined) throw new Error(`${tool} is not installed`);
  const changeable = whyChangeable(statSync(path));
  if (changeable !== undefined) throw new Error(`${path} is not run: ${changeable}`);
  return path;
}

function headOf(path: string): string {
  return readFileSync(path).subarray(0, maxBytes).toString("utf8");
}
