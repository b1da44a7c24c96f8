import { isSutureError } from "../../protocol/errors.ts";
import type { Agent } from "../agent.ts";
import type { Outcome } from "../engines/engine.ts";
import { noticeBoot } from "../incidents/notice.ts";
import type { Intent } from "../state/journal.ts";
import { storedVariants } from "../state/patches.ts";
import { outcomeRecord } from "./apply.ts";
import { guardAgainstCrash, reapplyAfterBoot } from "./boot.ts";
import { recordDone } from "./record.ts";
import { isIn, takeBack, takeStep } from "./steps.ts";
import { retireFormer, undoPatch } from "./undo.ts";
import { watchAnew } from "./watch.ts";

/**
 * Ends what a killed agent had begun: a patch is in wherever it belongs, or nowhere. Called before anything else is done. A patch
 * that is not in counts as failed, so that one that kills the agent is not tried again at once. After a reboot the kernel's patches
 * are put back, those that may have brought the machine down excepted. Needs no network.
 */
export async function recover(agent: Agent): Promise<void> {
  const wasPlanned = await noticeBoot(agent);
  if (!wasPlanned) await guardAgainstCrash(agent);
  for (const engine of agent.engines.values()) await engine.recover();
  await endWhatWasBegun(agent);
  for (const record of agent.patches.all()) if (record.state === "applied") await retireFormer(agent, record);
  await reapplyAfterBoot(agent);
  await watchAnew(agent);
}

async function endWhatWasBegun(agent: Agent): Promise<void> {
  const intent = agent.journal.read();
  if (intent === undefined) return;
  const outcome = intent.action === "undo" ? await finishUndo(agent, intent) : await finishApply(agent, intent);
  agent.journal.remove();
  agent.emit({ event: "recovered", patch: intent.record.patch, code: outcome.code, detail: outcome.detail });
}

async function finishUndo(agent: Agent, { record }: Intent): Promise<Outcome> {
  const { planSeq, undoAs } = record;
  return await undoPatch(agent, record, { planSeq, as: undoAs ?? "undone", why: "Begun before the agent was ended" });
}

async function finishApply(agent: Agent, { record }: Intent): Promise<Outcome> {
  const startedAt = agent.clock.now();
  const found = await findIn(agent, record);
  const outcome = isIn(found)
    ? { ...found, detail: `Finished after the agent was ended: ${found.detail}` }
    : await backOut(agent, record);
  await recordDone(agent, {
    action: "apply",
    record: outcomeRecord(agent, record, outcome),
    outcome,
    startedAt,
  });
  return outcome;
}

/** Whether the patch went in. One whose payload was not kept whole did not get so far, and taking it back needs none. */
async function findIn(agent: Agent, record: Intent["record"]): Promise<Outcome> {
  try {
    return await takeStep(agent, storedVariants(record, agent.patches), "verify");
  } catch (error) {
    if (!isSutureError(error, "state-damaged")) throw error;
    return { code: "failed", detail: error.message, evidence: {} };
  }
}

async function backOut(agent: Agent, record: Intent["record"]): Promise<Outcome> {
  const back = await takeBack(agent, record.patch, record.verified?.variants ?? []);
  if (back.code !== "undone") return { ...back, code: "undo-pending" };
  return {
    code: "failed",
    detail: "The agent was ended while it applied this; nothing of it is in",
    evidence: back.evidence,
  };
}
