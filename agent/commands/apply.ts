import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { PatchId } from "../../protocol/wire/names.ts";
import { parseWith } from "../../protocol/wire/parse.ts";
import type { Config } from "../config/config.ts";
import { whyOff } from "../patches/off.ts";
import { askForCheckIn } from "../state/ask.ts";
import { readEnrolment } from "../state/identity.ts";
import { required } from "../state/json-file.ts";
import { keptPlanFile } from "../state/kept-plan.ts";
import { isPartlyApplied, isTroubled, patchesStore } from "../state/patches.ts";
import { sessionFile } from "../state/session.ts";
import { systemClock } from "../system/clock.ts";
import { explain } from "./explain.ts";
import { once } from "./once.ts";
import { exitCode, type Result } from "./output.ts";

/** How long the agent that runs is waited for: a plan may hold many patches; milliseconds. */
const patience = 600_000;

/**
 * `suture-agent apply [PATCH]`: asks for a plan now and carries it out, rather than at the next poll. Where an agent runs on the state
 * directory, that one does the work. A patch that is named is not forced: it is said why it is not in.
 */
export async function apply(options: { config: Config; patch?: string; json: boolean }): Promise<Result> {
  const { config, json } = options;
  readEnrolment(config.state);
  const id = options.patch === undefined ? undefined : parseWith(PatchId, options.patch, "PATCH");
  const off = whyOff(config.state);
  if (off !== undefined) throw new SutureError("unavailable", `This agent is switched off: ${off}`);
  const done = await once({ config, checkIn: true, json }).catch(async (error: unknown) => {
    if (!isSutureError(error, "busy-agent")) throw error;
    return await askRunning(config.state);
  });
  if (id === undefined) return done;
  const record = patchesStore(config.state).get(id);
  if (record?.state === "applied" && !isPartlyApplied(record)) {
    return { json: { patch: id, state: record.state }, text: `${id} is applied.` };
  }
  const why = await explain({ config, patch: id });
  const found = record?.state === "applied" ? "applied in some processes only" : "not applied";
  return { ...why, text: `${id} is ${found}.\n${why.text}`, exit: exitCode.attention };
}

async function askRunning(state: string): Promise<Result> {
  const [session, plan, store] = [sessionFile(state), keptPlanFile(state), patchesStore(state)];
  const before = required(session, "session.json");
  askForCheckIn(store);
  for (const end = systemClock.now() + patience; ; await systemClock.sleep(200)) {
    const now = required(session, "session.json");
    if (
      now.counter > before.counter &&
      now.plan !== null &&
      now.plan.seq > (before.plan?.seq ?? 0) &&
      plan.read() === undefined
    )
      break;
    if (now.failed !== null && now.failed.times !== before.failed?.times)
      throw new SutureError("unavailable", `The agent that runs has come to no plan: ${now.failed.detail}`);
    if (systemClock.now() > end)
      throw new SutureError("unavailable", "The agent that runs has not carried out a plan yet");
  }
  const patches = store.all().map(({ patch, state: code, detail }) => ({ patch, state: code, detail }));
  const ok = !store.all().some(isTroubled);
  const lines = patches.map((each) => `${each.patch}: ${each.state}${each.detail === "" ? "" : `: ${each.detail}`}`);
  return {
    json: { ok, patches },
    text: ["The agent that runs here has carried out a new plan.", ...lines].join("\n"),
    exit: ok ? exitCode.ok : exitCode.attention,
  };
}
