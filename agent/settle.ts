import { describeError } from "../protocol/errors.ts";
import { type Agent, secondsOf } from "./agent.ts";
import { recordDone } from "./record.ts";
import { type PatchRecord, storedVariants } from "./state/patches.ts";
import { isIn, takeStep } from "./steps.ts";
import { undoPatch } from "./undo.ts";

/**
 * Brings the host in line with what is recorded, without the network: pending undos, patches under watch, an administrator's holds,
 * and processes that started since. Trouble with one patch keeps no other from its turn.
 */
export async function settle(agent: Agent): Promise<void> {
  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  const recalled = agent.patches.recalled();
  for (const record of agent.patches.all()) {
    try {
      if (record.state === "undo-pending") await retryUndo(agent, record);
      else if (record.state !== "applied") continue;
      else if (holds.has(record.patch))
        await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Undone on this host" });
      else if (record.watchUntil !== null) await watch(agent, record);
      else if (!recalled.has(record.patch)) await keep(agent, record);
    } catch (error) {
      complain(agent, record, "engine-failed", describeError(error));
    }
  }
}

/** Whether a patch is under watch, so that the next turn is due within a second. */
export function isWatching(agent: Pick<Agent, "patches">): boolean {
  return agent.patches.all().some(({ state, watchUntil }) => state === "applied" && watchUntil !== null);
}

async function retryUndo(agent: Agent, record: PatchRecord): Promise<void> {
  await undoPatch(agent, record, {
    planSeq: record.planSeq,
    as: record.undoAs ?? "undone",
    why: "Undone at a later try",
  });
}

/** The target must live on with the patch in, and every health check must pass, up to the end of the window. */
async function watch(agent: Agent, record: PatchRecord): Promise<void> {
  const isOver = secondsOf(agent.clock) >= (record.watchUntil ?? 0);
  const trouble = await findTrouble(agent, record);
  if (trouble !== undefined)
    await undoPatch(agent, record, { planSeq: record.planSeq, as: "quarantined", why: `Unhealthy, ${trouble}` });
  else if (isOver) {
    agent.patches.put({ ...record, watchUntil: null });
    agent.emit({ event: "healthy", patch: record.patch });
  }
}

async function findTrouble(agent: Agent, record: PatchRecord): Promise<string | undefined> {
  const verified = await takeStep(agent, storedVariants(record, agent.patches), "verify");
  if (!isIn(verified)) return verified.detail;
  for (const check of record.verified?.health.checks ?? []) {
    const wrong = await agent.probe(check);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

/** Applies the patch to processes that started since. */
async function keep(agent: Agent, record: PatchRecord): Promise<void> {
  const startedAt = agent.clock.now();
  const outcome = await takeStep(agent, storedVariants(record, agent.patches), "apply");
  if (outcome.code === "applied")
    await recordDone(agent, { action: "apply", record: { ...record, detail: outcome.detail }, outcome, startedAt });
  else if (outcome.code !== "already-applied" && outcome.code !== "not-applicable")
    complain(agent, record, outcome.code, outcome.detail);
}

/** The patch stays recorded as applied: a recall must reach what is in. What is amiss is told once. */
function complain(agent: Agent, record: PatchRecord, code: string, detail: string): void {
  if (record.detail === detail) return;
  agent.patches.put({ ...record, detail });
  agent.emit({ event: "incomplete", patch: record.patch, code, detail });
}
