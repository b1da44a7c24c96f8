import { describeError, SutureError } from "../../protocol/errors.ts";
import type { Agent } from "../agent.ts";
import { isAway } from "../round/service.ts";
import { isOnHost, type PatchRecord } from "../state/patches.ts";
import { isRecalled } from "./recalls.ts";
import type { Trust } from "./trust.ts";

const told = "A signed recall names it: it goes into no new process, and waits for a plan or a person to undo it";

/**
 * Reads the signed recalls of what is on this host, or kept for another boot of it, from the public repositories and whatever plans say. A recalled patch goes into no
 * process any more; it is taken out by a plan, or by a person. What cannot be read keeps the agent from nothing.
 */
export async function learnRecalls(agent: Agent, trust: Trust): Promise<void> {
  for (const record of agent.patches.all().filter(mayComeBack)) {
    const { patch } = record;
    try {
      if (record.detail === told || !(await isRecalled(patch, trust, agent.patches))) continue;
      agent.patches.put({ ...record, detail: told });
      agent.emit({ event: "incomplete", patch, code: "recalled", detail: told });
    } catch (error) {
      if (isAway(error)) return;
      if (!(error instanceof SutureError)) throw error;
      const detail = `The recalls of ${patch} cannot be read: ${describeError(error)}`;
      agent.emit({ event: "trouble", code: error.code, detail, retryInSeconds: 0 });
    }
  }
}

/** A patch of a kernel that does not run at the moment is not in, but goes in again once that kernel is booted. */
function mayComeBack(record: PatchRecord): boolean {
  return isOnHost(record) || record.verified !== null;
}
