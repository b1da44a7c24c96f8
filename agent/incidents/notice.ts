import { isDeepStrictEqual } from "node:util";
import type { IncidentKind } from "../../protocol/wire/incident.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { isOnHost, type PatchRecord } from "../state/patches.ts";
import type { SeenProgram, Sightings } from "../state/sightings.ts";
import { isRestless, lookAtProgram, newProgram } from "./crash-loop.ts";
import { unplannedEnd, wasShutDown } from "./last-boot.ts";

/**
 * Begins to look for trouble: tells how the boot before this one ended, where nobody had wanted that. To be called before anything
 * is done about patches, which says what was in at that time.
 * @returns whether this is the first look at a boot that came after a shutdown which somebody wanted, beyond doubt
 */
export async function noticeBoot(agent: Agent): Promise<boolean> {
  const before = agent.sightings.read();
  const { bootId } = agent.host;
  if (before?.bootId === bootId) return false;
  const traces = before && agent.signs.traces(before.since);
  const end = before && traces && unplannedEnd(before, traces);
  if (end !== undefined) await tell(agent, "reboot", end, { at: agent.signs.bootedAt(), applied: onHost(agent) });
  const oopses = agent.signs.oopses() ?? 0;
  agent.sightings.write({ bootId, since: secondsOf(agent.clock), running: false, oopses, programs: {} });
  return before !== undefined && traces !== undefined && wasShutDown(before, traces);
}

/**
 * Notes that this agent stays, or that it was asked to stop: a host that goes down afterwards went down as somebody wanted.
 * @param hostStopping whether it was asked because the host shuts down
 */
export function noteRunning({ sightings }: Pick<Agent, "sightings">, running: boolean, hostStopping = false): void {
  const seen = sightings.read();
  if (seen !== undefined) sightings.write({ ...seen, running, hostStopping });
}

/** Looks for trouble that came since the last look: oopses of the kernel, and patched programs in a crash loop. */
export async function noticeTrouble(agent: Agent): Promise<void> {
  const before = agent.sightings.read();
  if (before === undefined) return;
  const now = secondsOf(agent.clock);
  const oopses = agent.signs.oopses() ?? before.oopses;
  if (oopses > before.oopses) {
    const detail = agent.signs.lastOops() ?? "The kernel counts an oops, and its log does not say which";
    await tell(agent, "oops", detail, { at: now, applied: onHost(agent) });
  }
  const programs: Record<string, SeenProgram> = {};
  for (const { name, records, leaders } of await patchedPrograms(agent)) {
    const { program, isLooping } = lookAtProgram(before.programs[name] ?? newProgram, leaders, now);
    programs[name] = program;
    if (!isLooping) continue;
    const detail = `A patched program ended ${program.shortLives.length} times within a minute of its start`;
    await tell(agent, "crash-loop", detail, { at: now, applied: records });
  }
  const after: Sightings = { ...before, oopses, programs };
  if (!isDeepStrictEqual(before, after)) agent.sightings.write(after);
}

/** Whether a patched program is restless, so that the next look is due within a second. */
export function isUneasy({ sightings, clock }: Pick<Agent, "sightings" | "clock">): boolean {
  const now = secondsOf(clock);
  return Object.values(sightings.read()?.programs ?? {}).some((program) => isRestless(program, now));
}

/** The programs that patches are in: which, and their processes that no other of them started. */
async function patchedPrograms({ engines, patches, signs }: Agent) {
  const found = (await engines.get("elf")?.list()) ?? [];
  const records = patches.all().filter(({ state, verified }) => state === "applied" && verified !== null);
  const byBuilds = Map.groupBy(records, buildsOf);
  byBuilds.delete("");
  return [...byBuilds].map(([name, of]) => {
    const targets = found.filter(({ id }) => of.some(({ patch }) => patch === id)).flatMap((each) => each.targets);
    const pids = new Set(targets.flatMap(({ pid }) => pid ?? []));
    const leaders = [...pids].flatMap((pid) => {
      const process = signs.process(pid);
      return process === undefined || pids.has(process.parent) ? [] : [{ pid, startedAt: process.startedAt }];
    });
    return { name, records: of, leaders };
  });
}

function buildsOf({ verified }: PatchRecord): string {
  const builds = (verified?.variants ?? []).flatMap((variant) =>
    variant.engine === "elf" ? [variant.match.buildId] : [],
  );
  return [...new Set(builds)].sort().join(" ");
}

function onHost({ patches }: Agent): PatchRecord[] {
  return patches.all().filter(isOnHost);
}

async function tell(
  agent: Agent,
  kind: IncidentKind,
  detail: string,
  { at, applied }: { at: number; applied: readonly PatchRecord[] },
): Promise<void> {
  const patches = applied.map(({ patch, verified, since }) => ({ patch, since: verified?.at ?? since }));
  await agent.outbox.addIncident({ kind, detail, applied: patches, at });
  agent.emit({ event: "incident", kind, detail });
}
