import { join } from "node:path";
import { questioner } from "../clients/child.ts";
import { startTalker } from "../daemon.ts";
import type { Running } from "../program.ts";

/** The sources of what the interpreters and compilers of the corpus run. */
export const workloads = join(import.meta.dirname, "../workloads");

/** What every workload answers a number with. */
function answerTo(number: number): string {
  let sum = number;
  for (let step = 0; step < 50; step++) sum = (sum * 31 + step) % 1_000_003;
  return String(sum);
}

/** A program that answers numbers on its input, of which it has one. */
export function talk(
  module: string,
  functions: readonly string[] | "all",
  command: string,
  args: readonly string[],
): Running & { pid: number } {
  const talker = startTalker(command, args);
  const open = () =>
    Promise.resolve({
      ...questioner(talker.conversation, (turn) => ({ line: String(turn), answer: answerTo(turn) })),
      close: () => {},
    });
  return { pid: talker.child.pid ?? 0, module, functions, open, log: talker.log, stop: talker.stop };
}
