import { spawn } from "node:child_process";
import { statSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { whyChangeable } from "../system/ownership.ts";

const environment = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" };
/** Of what it prints so many characters, the last ones, go into the verdict. */
const maxWords = 300;
/** How long the end of a program's output is waited for once it has ended; something that it left running may hold it open. */
const lastWords = 500;

/**
 * Runs a check's program with nothing on its standard input and none of this agent's environment; it and whatever it started in
 * its group end at the timeout. A program that somebody else than root can change is not run.
 * @param timeout milliseconds
 * @returns undefined where it exits with 0, else why not, with its last words
 */
export async function runCommand(
  [program = "", ...args]: readonly string[],
  timeout: number,
): Promise<string | undefined> {
  const changeable = whyChangeable(statSync(program));
  if (changeable !== undefined) return `${program} is not run: ${changeable}`;
  const child = spawn(program, args, {
    cwd: "/",
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let words = "";
  for (const output of [child.stdout, child.stderr])
    output.on("data", (text: Buffer) => {
      words = (words + text.toString("utf8")).slice(-maxWords);
    });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    endGroup(child.pid);
  }, timeout);
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("exit", (...how) => resolve(how)).once("error", reject);
    });
    if (code === 0 && !late) return undefined;
    endGroup(child.pid);
    await Promise.race([closed, sleep(lastWords, undefined, { ref: false })]);
    const how = late ? `took longer than ${timeout / 1000} s` : `exited with ${code ?? signal}`;
    return `${program} ${how}${words.trim() === "" ? "" : `: ${words.trim()}`}`;
  } finally {
    clearTimeout(timer);
    for (const output of [child.stdout, child.stderr]) output.destroy();
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody of it is left
  }
}
