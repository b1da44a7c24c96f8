import { statSync } from "node:fs";
import { whyChangeable } from "../system/ownership.ts";
import { runProgram } from "../system/program.ts";

/** Of what it prints so many characters, the last ones, go into the verdict. */
const maxWords = 300;

/**
 * Runs a check's program. One that somebody else than root can change is not run.
 * @param timeout milliseconds
 * @returns undefined where it exits with 0, else why not, with its last words
 */
export async function runCommand(
  [program = "", ...args]: readonly string[],
  timeout: number,
): Promise<string | undefined> {
  const changeable = whyChangeable(statSync(program));
  if (changeable !== undefined) return `${program} is not run: ${changeable}`;
  let words = "";
  const { code, signal, late } = await runProgram(program, args, timeout, (_, bytes) => {
    words = (words + bytes.toString("utf8")).slice(-maxWords);
    return true;
  });
  if (code === 0 && !late) return undefined;
  const how = late ? `took longer than ${timeout / 1000} s` : `exited with ${code ?? signal}`;
  return `${program} ${how}${words.trim() === "" ? "" : `: ${words.trim()}`}`;
}
