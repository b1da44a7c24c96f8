import { describeError } from "../../protocol/errors.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { isOfKernel, type PatchRecord, storedVariants } from "../state/patches.ts";
import { install } from "./apply.ts";
import { recordDone } from "./record.ts";
import { undoPatch } from "./undo.ts";

/**
 * Quarantines each patch of the kernel that was being applied, or was still within its health window, when the machine went down and
 * nothing proves that somebody wanted that: it may be what brought it down. Nobody tries it again but a person (`release`), or its vendor with a newer version.
 */
export async function guardAgainstCrash(agent: Agent): Promise<void> {
  const intent = agent.journal.read();
  if (intent?.action === "apply" && intent.step === "apply" && isOfEarlierBoot(agent, intent.record)) {
    await quarantine(agent, intent.record, "The machine went down while this was being applied");
    agent.journal.remove();
  }
  for (const record of agent.patches.all()) {
    if (record.state !== "applied" || record.watchUntil === null || !isOfEarlierBoot(agent, record)) continue;
    await quarantine(agent, record, "The machine went down within the health window of this patch");
  }
}

/**
 * Puts the kernel's patches back after a reboot, in the order in which they were applied, from what was verified and kept: no
 * network, no plan, no clock. What was recalled or held since stays out. Each is journalled and watched as at its first time.
 */
export async function reapplyAfterBoot(agent: Agent): Promise<void> {
  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  const recalled = agent.patches.recalled();
  const lost = agent.patches.all().filter((record) => isLost(agent, record));
  for (const record of lost.sort((one, other) => (one.boot?.order ?? 0) - (other.boot?.order ?? 0))) {
    const isKeptOut = holds.has(record.patch) || recalled.has(record.patch);
    if (isKeptOut) await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Not applied again at boot" });
    else await reapply(agent, record);
  }
}

async function reapply(agent: Agent, record: PatchRecord): Promise<void> {
  const startedAt = agent.clock.now();
  try {
    const variants = storedVariants(record, agent.patches);
    await install(agent, { ...record, since: secondsOf(agent.clock), seenWell: [] }, variants);
  } catch (error) {
    const detail = `Not applied again at boot: ${describeError(error)}`;
    const failed: PatchRecord = { ...record, state: "failed", detail, since: secondsOf(agent.clock), watchUntil: null };
    const outcome = { code: "failed", detail, evidence: {} } as const;
    await recordDone(agent, { action: "apply", record: failed, outcome, startedAt });
  }
}

/** In the kernel before a reboot, or for a kernel that was not running for a while. */
function isLost(agent: Agent, record: PatchRecord): boolean {
  return (record.state === "applied" || record.state === "not-applicable") && isOfEarlierBoot(agent, record);
}

function isOfEarlierBoot({ host }: Agent, record: PatchRecord): boolean {
  return isOfKernel(record) && record.boot !== undefined && record.boot.id !== host.bootId;
}

async function quarantine(agent: Agent, record: PatchRecord, detail: string): Promise<void> {
  const quarantined: PatchRecord = {
    ...record,
    state: "quarantined",
    since: secondsOf(agent.clock),
    detail,
    verified: null,
    watchUntil: null,
    undoAs: null,
  };
  const outcome = { code: "quarantined", detail, evidence: { boot: record.boot?.id ?? "" } } as const;
  await recordDone(agent, { action: "apply", record: quarantined, outcome, startedAt: agent.clock.now() });
}
