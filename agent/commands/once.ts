import { type Agent, type AgentEvent, secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { enrolFromImage } from "../enrolment/join.ts";
import { openAgent, withHostWatched, withLock } from "../open.ts";
import { whyOff } from "../patches/off.ts";
import { recover } from "../patches/recover.ts";
import { settle } from "../patches/settle.ts";
import { isWatching } from "../patches/watch.ts";
import { isStale } from "../round/due.ts";
import { type Round, runRound } from "../round/round.ts";
import { required } from "../state/json-file.ts";
import { isPartlyApplied, type PatchRecord } from "../state/patches.ts";
import { changeTo, goOnAs, isOnTrial, standTrial } from "../update/change.ts";
import { openUpdates } from "../update/updates.ts";
import { printEvent } from "./events.ts";
import { exitCode, type Result } from "./output.ts";

/**
 * `suture-agent once`: one round with the service, for a timer or a person. Waits until what it applied is past its health window,
 * and then reports what changed.
 */
export async function once({
  config,
  checkIn,
  json,
  after = async () => {},
}: {
  config: Config;
  checkIn: boolean;
  json: boolean;
  /** called when the round is over, unless the agent is to change to another release, while the state folder is still locked */
  after?: (agent: Agent) => Promise<void>;
}): Promise<Result> {
  const { state } = config;
  const off = whyOff(state);
  if (off !== undefined) return { json: { ok: true, off }, text: `Switched off: ${off}.` };
  const events: AgentEvent[] = [];
  const emit: Agent["emit"] = (event) => {
    events.push(event);
    if (!json) printEvent(event, false);
  };
  if (isOnTrial()) return await standTrial(config, emit);
  const updates = openUpdates(config);
  const former = await withLock(state, async () => updates?.begin());
  if (former !== undefined) goOnAs(former);
  const { staged, ...result } = await withLock(state, async () => {
    await enrolFromImage(config);
    return await withHostWatched(
      state,
      () => {},
      async (processes) => {
        const agent = await openAgent(config, emit, { processes, updates });
        const done = await settleAndAsk(agent, checkIn, events);
        if (done.staged === undefined) await after(agent);
        return done;
      },
    );
  });
  // The next call starts it
  if (staged !== undefined && updates !== null) await changeTo(staged, updates, emit);
  return result;
}

async function settleAndAsk(
  agent: Agent,
  checkIn: boolean,
  events: readonly AgentEvent[],
): Promise<Result & { staged: string | undefined }> {
  await recover(agent);
  await settle(agent);
  const round = await roundAndWatch(agent, checkIn);
  const told = hasChanged(events) ? await runRound(agent, { force: false }) : round;
  const patches = agent.patches.all().map(({ patch, state: code, detail }) => ({ patch, state: code, detail }));
  const stale = isStale(required(agent.session, "session.json"), secondsOf(agent.clock));
  const results = resultsOf(round);
  const ok =
    !stale && results.every(({ patch, action, code }) => isDone(code) && isAsPlanned(agent.patches.get(patch), action));
  return {
    json: { ok, round: round.kind, results, patches, waitingReceipts: agent.outbox.waiting().length, stale },
    text: summaryLine(round, told, ok),
    exit: ok ? exitCode.ok : exitCode.attention,
    staged: round.kind === "plan" ? round.staged : undefined,
  };
}

/** Watches though the service is away: a window that nobody watches to its end would stay open for ever. */
async function roundAndWatch(agent: Agent, force: boolean): Promise<Round> {
  try {
    return await runRound(agent, { force });
  } finally {
    await watchToTheEnd(agent);
  }
}

async function watchToTheEnd(agent: Agent): Promise<void> {
  while (isWatching(agent)) {
    await agent.clock.sleep(1_000);
    await settle(agent);
  }
}

function hasChanged(events: readonly AgentEvent[]): boolean {
  return events.some((event) => "action" in event);
}

function resultsOf(round: Round) {
  return round.kind === "plan" ? round.results : [];
}

function isDone(code: string): boolean {
  return ["applied", "already-applied", "undone", "held", "not-applicable"].includes(code);
}

/** What was applied may have been undone by its health watch, or be in some processes only. */
function isAsPlanned(record: PatchRecord | undefined, action: "apply" | "undo"): boolean {
  if (action === "undo" || record === undefined) return true;
  return record.state !== "quarantined" && !isPartlyApplied(record);
}

function summaryLine(round: Round, told: Round, ok: boolean): string {
  if (round.kind === "nothing-new") return "Nothing new.";
  if (round.results.length === 0) return "Nothing to do on this host.";
  const word = told === round ? "" : " The service knows.";
  return ok ? `Done.${word}` : `Not everything was done; see above.${word}`;
}
