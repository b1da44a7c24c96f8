import { rmSync } from "node:fs";
import { join } from "node:path";
import { ticketHeader } from "../../protocol/wire/check-in.ts";
import { type Agent, secondsOf } from "../agent.ts";
import type { Config } from "../config/config.ts";
import { ownFacts } from "../facts/gather.ts";
import { routeTo } from "../network/route.ts";
import { takeStep } from "../patches/steps.ts";
import { isWatching } from "../patches/watch.ts";
import { checkInDue, whyCheckIn } from "../round/due.ts";
import { pollPath } from "../round/service.ts";
import { required } from "../state/json-file.ts";
import { isOnHost, patchedBuilds, storedVariants } from "../state/patches.ts";
import { agentApiOf, type Session } from "../state/session.ts";
import { writeDurably } from "../system/files.ts";
import { listProcesses } from "../system/proc.ts";
import { type Caller, callerOf, foldersOf, newNote, notePath, type Programs, stampOf } from "./note.ts";
import { peerOf } from "./peer.ts";

/**
 * So long polls go by one look at the host; seconds. What they do not see is told, mended or noticed within it, and it is far below the day
 * after which an agent checks in whatever a poll says.
 */
const lookEvery = 3600;
const connectTimeout = 10_000;

/** What was seen before a round: what changes during it, the round may have missed. */
export type Before = { caller: Caller; state: string; stamps: Readonly<Record<string, string>>; processes: number[] };

/** Looks at what administrators decide and at which processes there are. Undefined where this call can leave no note. */
export function lookBefore(call: Pick<NodeJS.Process, "argv" | "env">): Before | undefined {
  const folders = foldersOf(call);
  if (folders === undefined || process.platform !== "linux") return undefined;
  const { state, config } = folders;
  const decided = [
    config,
    join(config, "agent.d"),
    join(config, "health.d"),
    ...["holds", "pins.json", "off", "image.json"].map((name) => join(state, name)),
    "/etc/machine-id",
  ];
  return { caller: callerOf(call), state, stamps: stampsOf(decided), processes: listProcesses() };
}

/** Removes the note of the round before. Should it come back with a power loss, it is of another boot. */
export function removeNote({ state }: Pick<Config, "state">): void {
  rmSync(notePath(state), { force: true });
}

/** Leaves a note for the next polls, where there is nothing that they could miss. The state folder must be locked. */
export async function leaveNote(agent: Agent, config: Config, before: Before): Promise<void> {
  const session = required(agent.session, "session.json");
  const now = secondsOf(agent.clock);
  const until = Math.min(now + lookEvery, checkInDue(session));
  if (before.state !== config.state || now < session.floor || !(await isSettled(agent, session))) return;
  const url = new URL(pollPath, agentApiOf(session) ?? agent.enrolment.server);
  const route = routeTo(config.network, url);
  const peer = await peerOf(url, route, connectTimeout);
  const request = requestOf(url, session.ticket ?? "");
  if (peer === undefined || request === undefined) return;
  const { bootId } = agent.host;
  const files = [
    config.state,
    join(before.caller.release, "agent.cjs"),
    ...(route.caFile === null ? [] : [route.caFile]),
  ];
  const stamps = { ...stampsOf(files), ...before.stamps };
  const programs = await programsOf(agent, before.processes);
  const note = newNote({ caller: before.caller, bootId, since: now, until, peer, request, stamps, programs });
  writeDurably(notePath(config.state), JSON.stringify(note));
}

function stampsOf(paths: readonly string[]): Record<string, string> {
  return Object.fromEntries(paths.map((path) => [path, stampOf(path)]));
}

/** Whether nothing is under way, waits, is to be told, or is to be tried again soon. */
async function isSettled(agent: Agent, session: Session): Promise<boolean> {
  if (session.awaySince !== null || isWatching(agent)) return false;
  const why = whyCheckIn(session, await ownFacts(agent), agent.patches, secondsOf(agent.clock));
  if (why !== undefined) return false;
  if ([agent.journal, agent.keptPlan, agent.waiting].some((file) => file.read() !== undefined)) return false;
  if (agent.outbox.waiting().length > 0) return false;
  for (const record of agent.patches.all().filter(isOnHost)) {
    if (record.state !== "applied") return false;
    const { code } = await takeStep(agent, storedVariants(record, agent.patches), "verify");
    if (code !== "applied" && code !== "already-applied" && code !== "not-applicable") return false;
  }
  return true;
}

/** Undefined where the ticket is no word that a header can hold. */
function requestOf({ pathname, host }: URL, ticket: string): string | undefined {
  if (!/^[\x21-\x7e]+$/.test(ticket)) return undefined;
  return `GET ${pathname} HTTP/1.1\r\nhost: ${host}\r\n${ticketHeader}: ${ticket}\r\nconnection: close\r\n\r\n`;
}

async function programsOf({ patches }: Agent, known: number[]): Promise<Programs | null> {
  const builds = patchedBuilds(patches);
  if (builds.size === 0) return null;
  const { createBuildScanner } = await import("../engines/elf/builds.ts");
  const files = createBuildScanner().filesOf(builds);
  const isEachKnown = [...builds].every((build) => files.has(build));
  return { known, files: isEachKnown ? [...new Set([...files.values()].flatMap((each) => [...each]))] : null };
}
