import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { OutcomeCode } from "../../protocol/wire/host.ts";

const patcher = fileURLToPath(new URL("patcher.ts", import.meta.url));

/** On a busy machine a thread may take too long to stop; an agent tries again too. */
const patienceMillis = 30_000;

export type Order = "apply" | "undo";
export type Answer = { code: OutcomeCode; detail: string; peakRssKiB: number };

/** An engine in a process of its own. */
export type BenchAgent = {
  /** Applies or undoes the patch. Throws where it did not come to that. */
  toggle(order: Order): Promise<void>;
  /** The most memory that the engine's process held so far, in KiB. */
  peakRssKiB(): number;
  stop(): void;
};

/** Starts an engine for the sample server's patch on a journal of its own. */
export function startAgent(journalDir: string, binary: string, payload: string): BenchAgent {
  const child = fork(patcher, [journalDir, binary, payload], { execArgv: [] });
  let peak = 0;
  const ask = (order: Order) =>
    new Promise<Answer>((resolve, reject) => {
      child.once("message", (answer: Answer) => resolve(answer));
      child.once("exit", (code) => reject(new Error(`the engine's process ended: ${code}`)));
      child.send(order);
    });
  return {
    async toggle(order) {
      const [wanted, busy] = order === "apply" ? ["applied", "blocked"] : ["undone", "undo-pending"];
      const deadline = Date.now() + patienceMillis;
      let answer: Answer;
      do {
        answer = await ask(order).finally(() => child.removeAllListeners("exit"));
        peak = answer.peakRssKiB;
      } while (answer.code === busy && Date.now() < deadline);
      if (answer.code !== wanted) throw new Error(`${answer.code} instead of ${wanted}: ${answer.detail}`);
    },
    peakRssKiB: () => peak,
    stop: () => child.kill(),
  };
}
