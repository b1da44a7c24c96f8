import { describeError } from "../../protocol/errors.ts";
import type { Agent } from "../agent.ts";
import { noticeTrouble } from "../incidents/notice.ts";
import type { PatchRecord } from "../state/patches.ts";
import { complain, keep } from "./keep.ts";
import { undoPatch } from "./undo.ts";
import { watch } from "./watch.ts";

/**
 * Brings the host in line with what is recorded, without the network: pending undos, patches under watch, an administrator's holds,
 * and processes that started since. Trouble with one patch keeps no other from its turn. What went wrong on the host is noticed.
 */
export async function settle(agent: Agent): Promise<void> {
  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  for (const record of agent.patches.all()) {
    try {
      if (record.state === "undo-pending") await retryUndo(agent, record);
      else if (record.state !== "applied") continue;
      else if (holds.has(record.patch))
        await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Undone on this host" });
      else if (record.watchUntil !== null) await watch(agent, record);
      else await keep(agent, record);
    } catch (error) {
      complain(agent, record, "engine-failed", describeError(error));
    }
  }
  await noticeTrouble(agent);
}

async function retryUndo(agent: Agent, record: PatchRecord): Promise<void> {
  await undoPatch(agent, record, {
    planSeq: record.planSeq,
    as: record.undoAs ?? "undone",
    why: "Undone at a later try",
  });
}
