import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runOnce, type Verdict } from "../infra/local/demo/run-once.ts";
import { setScene } from "../infra/local/demo/scene.ts";
import { startTimeline } from "../infra/local/demo/timeline.ts";
import { startStack } from "../infra/local/stack.ts";
import { type Figure, median } from "./figure.ts";

const rounds = 5;
const pollMillis = 1_000;

/**
 * From the vendor's command to the patched process, and back, over the embedded stack with every program in a process of its own.
 * The agent polls every second, so the interval is what the figures stand beside.
 */
export async function deliveryFigures(): Promise<Figure[]> {
  const dataDir = await mkdtemp(join(tmpdir(), "suture-bench-"));
  const stack = await startStack({ dataDir, port: 0, pollSeconds: pollMillis / 1000, log: () => undefined });
  const verdicts: Verdict[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const scene = await setScene(
        stack,
        dataDir,
        startTimeline(Date.now, () => undefined),
      );
      try {
        verdicts.push(await runOnce(scene));
      } finally {
        await scene.stop();
      }
    }
  } finally {
    await stack.stop();
    await rm(dataDir, { recursive: true });
  }
  if (!verdicts.every(({ ok }) => ok))
    throw new Error(`a round of the demonstration failed: ${JSON.stringify(verdicts)}`);
  return [
    figure(
      "delivery.publishToApplied.ms",
      verdicts.map((verdict) => verdict.publishToAppliedMs),
    ),
    figure(
      "delivery.withdrawToUndone.ms",
      verdicts.map((verdict) => verdict.withdrawToUndoneMs),
    ),
  ];
}

function figure(name: string, values: number[]): Figure {
  const value = Math.round(median(values));
  const ratio = Math.round((value / pollMillis) * 100) / 100;
  return { name, value, unit: "ms", versus: "the poll interval of 1 s", ratio, anchor: "goal: interval + 1 min" };
}
