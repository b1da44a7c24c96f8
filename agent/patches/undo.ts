import { type Agent, secondsOf } from "../agent.ts";
import type { Outcome } from "../engines/engine.ts";
import { isOnHost, type PatchRecord } from "../state/patches.ts";
import { restoreFormer } from "./former.ts";
import { recordDone } from "./record.ts";
import { takeBack } from "./steps.ts";

/** Why a patch is undone: by which plan (0: a person, or the agent's own watch), what it becomes, and the sentence that says so. */
export type UndoOrder = {
  planSeq: number;
  as: "undone" | "quarantined";
  why: string;
  /** another patch is in its place already, or nothing else is to change: what it had replaced does not come back */
  isReplaced?: boolean;
};

/**
 * Undoes a patch. Where a target is busy it stays as `undo-pending` and is tried again at each turn; the patch is then still in.
 * Works without the network.
 */
export async function undoPatch(agent: Agent, record: PatchRecord, order: UndoOrder): Promise<Outcome> {
  const { planSeq, as, why } = order;
  if (order.isReplaced !== true) await restoreFormer(agent, record);
  const startedAt = agent.clock.now();
  const pending: PatchRecord = { ...record, planSeq, undoAs: as };
  agent.journal.write({ action: "undo", step: "undo", record: pending });
  if (record.state !== "undo-pending") agent.emit({ event: "undoing", patch: record.patch });
  const outcome = await takeBack(agent, record.patch, record.verified?.variants ?? []);
  const since = secondsOf(agent.clock);
  const detail = `${why}: ${outcome.detail}`;
  if (outcome.code === "undone") {
    const done: PatchRecord = {
      ...record,
      planSeq,
      state: as,
      since,
      detail,
      verified: null,
      watchUntil: null,
      partial: undefined,
      undoAs: null,
      former: [],
    };
    await recordDone(agent, { action: "undo", record: done, outcome: { ...outcome, detail }, startedAt });
  } else {
    const news = record.state !== "undo-pending";
    const waiting: PatchRecord = {
      ...pending,
      state: "undo-pending",
      since: news ? since : record.since,
      detail,
      watchUntil: null,
    };
    // One receipt says that it waits; each further try is no news
    if (news) await recordDone(agent, { action: "undo", record: waiting, outcome: { ...outcome, detail }, startedAt });
    else agent.patches.put(waiting);
  }
  agent.journal.remove();
  return outcome;
}

/**
 * Takes out what is left of the patches that another has replaced, and notes it. Also what a killed agent did not come to; what it had
 * put back since, over the other, stays.
 */
export async function retireFormer(agent: Agent, record: PatchRecord): Promise<void> {
  for (const { patch } of record.former ?? []) {
    const old = agent.patches.get(patch);
    if (old === undefined || !isOnHost(old)) continue;
    if ((old.boot?.order ?? 0) > (record.boot?.order ?? 0)) continue;
    const why = `Replaced by ${record.patch}`;
    await undoPatch(agent, old, { planSeq: record.planSeq, as: "undone", why, isReplaced: true });
  }
}
