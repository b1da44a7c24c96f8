import { createInterface } from "node:readline/promises";
import { SutureError } from "../../protocol/errors.ts";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Agent } from "../agent.ts";
import type { Config } from "../config/config.ts";
import type { KlpPatch, Outcome } from "../engines/engine.ts";
import type { KlpEngine } from "../engines/klp/engine.ts";
import { requireHealthyHost } from "../health/verdict.ts";
import { openAgent, openKlpEngine, withLock } from "../open.ts";
import { nextOrder, outcomeRecord } from "../patches/apply.ts";
import { whyOff } from "../patches/off.ts";
import { recordDone } from "../patches/record.ts";
import { recover } from "../patches/recover.ts";
import { isIn } from "../patches/steps.ts";
import { undoPatch } from "../patches/undo.ts";
import { tellWaiting } from "../round/waiting.ts";
import { isOfKernel, type PatchRecord, storedVariants } from "../state/patches.ts";
import { printEvent } from "./events.ts";
import { exitCode, type Result } from "./output.ts";

const cost = `Forcing ends a stalled transition while tasks are still inside the old code.
  - A task that goes on with the old code while others run the new one may corrupt data or crash this machine.
  - The kernel never unloads this module, nor those that it replaces: they stay until a reboot, and the same patch cannot
    be applied again before one.
The other ways are to wait (it is tried again by itself), to end the tasks that \`suture-agent history\` names, or to reboot.
Where the patch is to go out, the same holds for tasks inside the new code.
`;

/**
 * `suture-agent force PATCH`: applies a patch that stalled, or undoes one that does not come out, whatever the tasks are doing. No
 * plan can order it: it wants root, on this host, and the patch's name typed in.
 */
export async function force({
  config,
  patch,
  json,
}: {
  config: Config;
  patch: string;
  json: boolean;
}): Promise<Result> {
  const { state } = config;
  const id = parseWith(PatchId, patch, "PATCH");
  if (process.geteuid?.() !== 0) throw new SutureError("no-permission", "Only root may force a patch");
  const off = whyOff(state);
  if (off !== undefined) throw new SutureError("unavailable", `This agent is switched off: ${off}`);
  return await withLock(state, async () => {
    const emit = (event: Parameters<Agent["emit"]>[0]) => (json ? undefined : printEvent(event, false));
    const agent = await openAgent(config, emit);
    const record = agent.patches.get(id);
    if (record === undefined || record.verified === null || !isStuck(record)) {
      throw new SutureError(
        "unknown-patch",
        `${id} is no patch of the kernel that stalled on its way in or out of this host: there is nothing to force`,
      );
    }
    if (agent.patches.recalled().has(id)) throw new SutureError("recalled", `A signed recall names ${id}`);
    await confirm(id);
    await recover(agent);
    const engine = await openKlpEngine(state, tellWaiting(agent, true));
    const outcome = await (record.state === "stalled" ? forceIn : forceOut)(agent, engine, record);
    return {
      json: { patch: id, code: outcome.code, detail: outcome.detail },
      text: `${id}: ${outcome.code}: ${outcome.detail}`,
      exit: isIn(outcome) || outcome.code === "undone" ? exitCode.ok : exitCode.failed,
    };
  });
}

async function confirm(id: string): Promise<void> {
  process.stderr.write(`${cost}\nType the patch's name to go on: `);
  const lines = createInterface({ input: process.stdin });
  const answer = await new Promise<string>((resolve) => {
    lines.once("line", resolve);
    lines.once("close", () => resolve(""));
  });
  lines.close();
  if (answer.trim() !== id) throw new SutureError("invalid-request", "That is not the patch's name; nothing was done");
}

function isStuck(record: PatchRecord): boolean {
  return isOfKernel(record) && (record.state === "stalled" || record.state === "undo-pending");
}

async function forceOut(agent: Agent, engine: KlpEngine, record: PatchRecord): Promise<Outcome> {
  const forcing = {
    ...agent,
    engines: new Map([[engine.name, { ...engine, undo: (patch: string) => engine.forceUndo(patch) }]]),
  };
  return await undoPatch(forcing, record, { planSeq: 0, as: record.undoAs ?? "undone", why: "Forced on this host" });
}

async function forceIn(agent: Agent, engine: KlpEngine, stalled: PatchRecord): Promise<Outcome> {
  await requireHealthyHost(agent);
  const startedAt = agent.clock.now();
  const record: PatchRecord = {
    ...stalled,
    state: "applied",
    planSeq: 0,
    boot: { id: agent.host.bootId, order: nextOrder(agent) },
  };
  agent.journal.write({ action: "apply", step: "apply", record });
  let outcome: Outcome = { code: "unsupported", detail: "Only patches of the kernel can be forced", evidence: {} };
  for (const variant of storedVariants(record, agent.patches)) {
    if (isOfKlp(variant)) outcome = await engine.force(variant);
  }
  await recordDone(agent, {
    action: "apply",
    record: outcomeRecord(agent, record, outcome),
    outcome,
    startedAt,
  });
  agent.journal.remove();
  return outcome;
}

function isOfKlp(patch: ReturnType<typeof storedVariants>[number]): patch is KlpPatch {
  return patch.variant.engine === "klp";
}
