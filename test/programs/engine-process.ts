import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Outcome } from "../../agent/engines/engine.ts";
import type { Answer, Order } from "./patcher.ts";

const patcher = fileURLToPath(new URL("patcher.ts", import.meta.url));
/** A thread in the way, or a busy machine, is waited for as long as an agent would go on trying; then it counts. */
const patienceMillis = 60_000;
const retryMillis = 100;

/** An engine in a process of its own. */
export type EngineProcess = {
  ask(order: Order): Promise<Outcome>;
  /** Asks again while a process is busy; how often, comes back beside the last outcome. */
  insist(order: "apply" | "undo"): Promise<{ outcome: Outcome; retries: number; outcomes: readonly Outcome[] }>;
  /** The most memory that the engine's process held so far, in KiB. */
  peakRssKiB(): number;
  stop(): void;
};

/** Starts an engine on a journal of its own. */
export function startEngine(journalDir: string): EngineProcess {
  const child = fork(patcher, [journalDir], { execArgv: [] });
  let peak = 0;
  const ask = async (order: Order): Promise<Outcome> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const ended = (code: number | null, signal: string | null) =>
      reject(new Error(`the engine's process ended: ${code ?? signal}`));
    child.once("message", resolve);
    child.once("exit", ended);
    child.send(order);
    const answer = await promise.finally(() => {
      child.off("message", resolve);
      child.off("exit", ended);
    });
    peak = answer.peakRssKiB;
    return answer.outcome;
  };
  return {
    ask,
    async insist(order) {
      const outcomes: Outcome[] = [];
      for (const deadline = Date.now() + patienceMillis; ; await sleep(retryMillis)) {
        const outcome = await ask({ order });
        outcomes.push(outcome);
        const isBusy = outcome.code === "blocked" || outcome.code === "undo-pending";
        if (!isBusy || Date.now() > deadline) return { outcome, retries: outcomes.length - 1, outcomes };
      }
    },
    peakRssKiB: () => peak,
    stop: () => child.kill(),
  };
}
