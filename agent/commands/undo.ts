import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { openAgent, withLock } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { undoPatch } from "../patches/undo.ts";
import { readEnrolment } from "../state/identity.ts";
import { isOnHost, type PatchesStore, patchesStore } from "../state/patches.ts";
import { systemClock } from "../system/clock.ts";
import { printEvent } from "./events.ts";
import { askForPlan } from "./next-step.ts";
import { exitCode, type Result } from "./output.ts";

/** How long the agent that runs is waited for; milliseconds. */
const patience = 60_000;

/**
 * `suture-agent undo PATCH`: takes a patch out and holds it, whatever plans say, until `release`. Needs no network. Where an agent
 * runs on the state directory, that one does the work.
 */
export async function undo({ config, patch, json }: { config: Config; patch: string; json: boolean }): Promise<Result> {
  const { state } = config;
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const store = patchesStore(state);
  if (store.get(id) === undefined) throw new SutureError("unknown-patch", `This host has no patch ${id}`);
  store.hold({ patch: id, at: secondsOf(systemClock) });
  try {
    await withLock(state, async () => {
      const agent = await openAgent(config, (event) => (json ? undefined : printEvent(event, false)));
      if (whyOff(state) === undefined) {
        await recover(agent);
        await settle(agent);
      } else await undoAlone(agent, id);
    });
  } catch (error) {
    if (!isSutureError(error, "busy-agent")) throw error;
    await untilUndone(store, id);
  }
  const record = store.get(id);
  const isOut = record === undefined || !isOnHost(record);
  const outcome = { patch: id, state: record?.state ?? "undone", held: true, detail: record?.detail ?? "" };
  const text = isOut
    ? `${id} is undone on this host and held. \`suture-agent release ${id}\` lets plans apply it again.`
    : `${id} is held, but not undone yet: ${outcome.detail}. The agent tries again at each turn; \`suture-agent explain ${id}\` says how that stands.`;
  return { json: outcome, text, exit: isOut ? exitCode.ok : exitCode.attention };
}

/** On a host that is switched off nothing else may happen beside: no other patch comes back from a reboot, nor a former one. */
async function undoAlone(agent: Agent, id: string): Promise<void> {
  const record = agent.patches.get(id);
  if (record === undefined || !isOnHost(record)) return;
  await undoPatch(agent, record, { planSeq: 0, as: "undone", why: "Undone on this host", isReplaced: true });
}

/** `suture-agent release PATCH`: ends an administrator's hold or a quarantine; the next plan decides. */
export async function release({ config, patch }: { config: Config; patch: string }): Promise<Result> {
  const { state } = config;
  readEnrolment(state);
  const id = parseWith(PatchId, patch, "PATCH");
  const store = patchesStore(state);
  const record = store.get(id);
  const isQuarantined = record?.state === "quarantined";
  if (!isQuarantined && !store.holds().some((hold) => hold.patch === id))
    throw new SutureError("unknown-patch", `This host neither holds ${id} nor has it in quarantine`);
  store.release(id);
  if (isQuarantined) {
    store.put({ ...record, state: "undone", since: secondsOf(systemClock), detail: "Released on this host" });
  }
  return {
    json: { patch: id, held: false, quarantined: false },
    text: `${id} is ${isQuarantined ? "released from quarantine" : "not held any more"}; the next plan decides. ${askForPlan(id)}`,
  };
}

async function untilUndone(store: PatchesStore, patch: string): Promise<void> {
  const end = systemClock.now() + patience;
  for (;;) {
    const record = store.get(patch);
    if (record === undefined || !isOnHost(record) || systemClock.now() > end) return;
    await systemClock.sleep(100);
  }
}
