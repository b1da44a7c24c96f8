import { type FleetChange, type IndexedMachine, rowOf } from "./rows.ts";

/** A change, or a part of one, that one transaction takes: the patches whose rows it writes or removes, and the host's name in them. */
export type FleetStep = FleetChange & { patches: readonly string[]; hostname: string };

/**
 * A transaction takes 100 writes, of 4 MB together. A patch of a step is two writes: its row and its count; beside them there are the
 * machine's row and the count of machines.
 */
const mostWrites = 96;
const mostBytes = 3_500_000;
const patchesInStep = (mostWrites - 2) / 2;
/** A row of a patch is small; each is counted as this. */
const patchBytes = 2048;

/**
 * A change as steps of one transaction each. After each of them the rows and the counts agree, so whoever is interrupted goes on from
 * there: a step's machine is what the last one left, and what is still to change is found by looking again. The host's name changes with
 * the last step, because it is in every patch's row.
 */
export function stepsOf({ before, after, leaves = false, took }: FleetChange): FleetStep[] {
  const all = changedPatches(before, after, leaves);
  const count = Math.max(1, Math.ceil(all.length / patchesInStep));
  const steps: FleetStep[] = [];
  let last = before;
  for (let at = 0; at < count; at++) {
    const patches = all.slice(at * patchesInStep, (at + 1) * patchesInStep);
    const isLast = at + 1 === count;
    const next: IndexedMachine = {
      ...after,
      ...(!isLast && { hostname: before?.hostname ?? after.hostname }),
      standings: standingsAfter(last, after, patches, leaves),
      revision: (before?.revision ?? 0) + at + 1,
    };
    const { hostname } = after;
    const step = {
      before: last,
      after: next,
      hostname,
      patches,
      took: took.filter(({ patch }) => patches.includes(patch)),
    };
    steps.push({ ...step, ...(leaves && isLast && { leaves }) });
    last = next;
  }
  return steps;
}

/** Steps of different machines in groups, each of which one transaction takes. */
export function grouped(steps: readonly FleetStep[]): FleetStep[][] {
  const groups: FleetStep[][] = [];
  let [writes, bytes] = [Number.POSITIVE_INFINITY, 0];
  for (const step of steps) {
    const [ownWrites, ownBytes] = [1 + 2 * step.patches.length, bytesOf(step)];
    if (writes + ownWrites > mostWrites || bytes + ownBytes > mostBytes) {
      groups.push([]);
      // The count of machines is one for all
      [writes, bytes] = [1, 0];
    }
    groups.at(-1)?.push(step);
    writes += ownWrites;
    bytes += ownBytes;
  }
  return groups;
}

/** The patches whose rows are another thing after a change, in a fixed order. */
function changedPatches(before: IndexedMachine | undefined, after: IndexedMachine, leaves: boolean): string[] {
  const known = before?.standings ?? {};
  const wanted = leaves ? {} : after.standings;
  const isRenamed = before?.hostname !== after.hostname;
  const all = [...new Set([...Object.keys(known), ...Object.keys(wanted)])].sort();
  return all.filter((patch) => {
    const [old, now] = [known[patch], wanted[patch]];
    if (old === undefined || now === undefined || isRenamed) return old !== now;
    return (
      old.status !== now.status ||
      old.at !== now.at ||
      old.detail !== now.detail ||
      old.counted !== now.counted ||
      old.severity !== now.severity
    );
  });
}

function standingsAfter(
  last: IndexedMachine | undefined,
  after: IndexedMachine,
  patches: readonly string[],
  leaves: boolean,
): IndexedMachine["standings"] {
  const standings = { ...last?.standings };
  for (const patch of patches) {
    const standing = leaves ? undefined : after.standings[patch];
    if (standing === undefined) delete standings[patch];
    else standings[patch] = standing;
  }
  return standings;
}

function bytesOf({ after, patches }: FleetStep): number {
  // What UTF-8 makes of a character at most, beside the names of attributes
  return 3 * rowOf(after).standings.length + 4096 + patchBytes * patches.length;
}
