import type { Agent } from "../agent.ts";
import type { SeenUnit } from "../health/restarts.ts";
import type { PatchRecord } from "../state/patches.ts";
import { targetsOf } from "./steps.ts";

/** More services than this are not asked for. */
const maxUnits = 16;

type Watched = Pick<PatchRecord, "watched" | "units" | "lost" | "goneSince" | "restarts" | "extensions">;

/** What a record keeps of where its patch is when the watch begins: the processes, and the services that they belong to. */
export async function watchFrom(agent: Pick<Agent, "engines" | "units">, patch: string): Promise<Watched> {
  const watched = await targetsOf(agent, patch);
  const names = new Set(watched.flatMap((target) => unitOf(agent, target) ?? []));
  const units: NonNullable<PatchRecord["units"]> = [];
  for (const name of [...names].slice(0, maxUnits)) {
    const state = await agent.units.stateOf(name);
    if (state !== undefined) units.push({ name, restarts: state.restarts });
  }
  return { watched, units, lost: undefined, goneSince: undefined, restarts: undefined, extensions: undefined };
}

/** The services that a patch's first processes belonged to, as they are now. */
export async function seenUnits(agent: Pick<Agent, "units">, { units = [] }: PatchRecord): Promise<SeenUnit[]> {
  return await Promise.all(units.map(async (unit) => ({ ...unit, now: await agent.units.stateOf(unit.name) })));
}

function unitOf({ units }: Pick<Agent, "units">, target: string): string | undefined {
  const pid = /\((\d+)\)$/.exec(target)?.[1];
  return pid === undefined ? undefined : units.unitOf(Number(pid));
}
