import { isDeepStrictEqual } from "node:util";
import { partialIn } from "../../protocol/wire/partial.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Outcome } from "../engines/engine.ts";
import { type PatchRecord, storedVariants } from "../state/patches.ts";
import { partialAt } from "./apply.ts";
import { recordDone } from "./record.ts";
import { isIn, takeStep } from "./steps.ts";

/** The service is told so often at most that a patch is in some processes only, or in all again; seconds. */
const partialEvery = 900;

/** Applies the patch to processes that started since, unless it was recalled, and answers its record as it is then. */
export async function keep(agent: Agent, record: PatchRecord): Promise<PatchRecord> {
  if (agent.patches.recalled().has(record.patch)) return record;
  const startedAt = agent.clock.now();
  const outcome = await takeStep(agent, storedVariants(record, agent.patches), "apply");
  const now = secondsOf(agent.clock);
  const found = describePartial(outcome);
  const isNews = outcome.code === "applied" || isPartialNews(record, found, now);
  if (isNews) {
    const kept = { ...record, detail: found.detail, ...partialAt(found, now) };
    await recordDone(agent, { action: "apply", record: kept, outcome: found, startedAt });
  } else if (!isDeepStrictEqual(record.partial, partialIn(found.evidence))) {
    agent.patches.put({ ...record, partial: partialIn(found.evidence) });
  }
  const kept = agent.patches.get(record.patch) ?? record;
  if (!isIn(outcome) && outcome.code !== "not-applicable") complain(agent, kept, outcome.code, found.detail);
  return agent.patches.get(record.patch) ?? record;
}

/** An outcome of applying to new processes, where one that was patched before has it and a new one could not be patched: with the counts. */
function describePartial(outcome: Outcome): Outcome {
  const partial = partialIn(outcome.evidence);
  if (isIn(outcome) || partial === undefined) return outcome;
  const { patched, skipped } = partial;
  const counts = `applied in ${patched} of ${patched + skipped} processes; ${skipped} skipped`;
  return { ...outcome, detail: `${counts}: ${outcome.detail}` };
}

/** Whether the service is to be told that a process lacks the patch now, or that none does any more; not too often, for any user can see to either. */
function isPartialNews({ partialTold }: PatchRecord, { evidence }: Outcome, now: number): boolean {
  const isPartial = partialIn(evidence) !== undefined;
  if (isPartial === (partialTold?.isPartial ?? false)) return false;
  return partialTold === undefined || now - partialTold.at >= partialEvery;
}

/** The patch stays recorded as applied: a recall must reach what is in. What is amiss is told once. */
export function complain(agent: Agent, record: PatchRecord, code: string, detail: string): void {
  if (record.detail === detail) return;
  agent.patches.put({ ...record, detail });
  agent.emit({ event: "incomplete", patch: record.patch, code, detail });
}
