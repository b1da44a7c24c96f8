import { z } from "zod";
import type { Receipt } from "../../protocol/wire/report.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Outcome } from "../engines/engine.ts";
import type { PatchRecord } from "../state/patches.ts";

const Evidence = z.record(z.string(), z.json());

/** What an action came to: the patch's record as it stands now, the engine's word, and when the action began (milliseconds). */
export type Done = { action: Receipt["action"]; record: PatchRecord; outcome: Outcome; startedAt: number };

/** Keeps what an action came to: the record, a receipt for the service, and a word to whoever looks on. */
export async function recordDone(agent: Agent, { action, record, outcome, startedAt }: Done): Promise<void> {
  const { patch, manifest, state, planSeq } = record;
  const detail = outcome.detail;
  agent.patches.put(record);
  if (agent.waiting.read() !== undefined) agent.waiting.remove();
  await agent.outbox.add({
    patch,
    manifest,
    action,
    code: state,
    detail,
    // an engine's evidence is plain JSON but for members without a value
    evidence: Evidence.parse(JSON.parse(JSON.stringify(shortened(outcome.evidence)))),
    planSeq,
    at: secondsOf(agent.clock),
  });
  const pause = outcome.evidence.pauseMicros;
  const pauseMicros = typeof pause === "number" ? pause : null;
  agent.emit({ event: state, patch, action, detail, ms: agent.clock.now() - startedAt, pauseMicros });
}

/** So many processes are named in a receipt, which has a size; counts are of all. */
const maxProcesses = 200;

/** Evidence with the processes that lack the patch before those that have it, as far as a receipt takes them. */
function shortened(evidence: Outcome["evidence"]): Outcome["evidence"] {
  const { processes } = evidence;
  if (!Array.isArray(processes) || processes.length <= maxProcesses) return evidence;
  const isPatched = ({ code }: { code?: string }) => code === "applied" || code === "already-applied";
  const inOrder = [...processes.filter((each) => !isPatched(each)), ...processes.filter(isPatched)];
  return { ...evidence, processes: inOrder.slice(0, maxProcesses), processesLeftOut: processes.length - maxProcesses };
}
