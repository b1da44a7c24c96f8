import { createHash } from "node:crypto";
import type { Policy, Wave } from "../../protocol/wire/policy.ts";

const minute = 60_000;
/** Two-sided 95 % of the normal distribution. */
const z = 1.959_963_985;
/** From so many attempts on the interval says something; where there are fewer machines than that, any failure counts. */
const enough = 10;
/** A wave is no evidence before this share of its machines has tried. */
export const quorum = 0.5;

/**
 * What became of a patch on a rollout's machines: how many have each outcome now, and failures by cause. Counts are of machines, so
 * however many receipts a machine sends it is in one of them.
 */
export type Counts = {
  applied: number;
  failed: number;
  undone: number;
  undoing: number;
  skipped: number;
  causes: Readonly<Record<string, number>>;
};
export const noCounts: Counts = { applied: 0, failed: 0, undone: 0, undoing: 0, skipped: 0, causes: {} };

export type Evidence = { attempts: number; failures: number };

/** Something that happened to a rollout. `by` is a sign-in's label, or `gates` where nobody did it. */
type RolloutEvent = {
  at: number;
  what: "started" | "wave" | "halted" | "resumed" | "skipped" | "aborted" | "approved" | "done" | "note";
  by: string;
  wave: number;
  detail: string;
};

/** A customer's rollout of one patch. Times are milliseconds since the epoch. */
export type Rollout = {
  customer: string;
  patch: string;
  waves: readonly Wave[];
  failureLimit: number;
  onHalt: Policy["onHalt"];
  state: "running" | "halted" | "aborted" | "done";
  /** the wave that is open, from 0 on; earlier ones stay open */
  wave: number;
  waveOpenedAt: number;
  /** how many machines that the patch fits are in the open waves, as of the opening */
  size: number;
  /** whether machines that have the patch take it out */
  undo: boolean;
  approvedBy?: string;
  /** what was known when a person last resumed it, and when the wave opened: only what came since is judged */
  baseline: Evidence;
  waveBaseline: Evidence;
  history: readonly RolloutEvent[];
  /** rises with every change, so that of two writers one reads again */
  revision: number;
};

/** A rollout's first state. @param size machines of the first wave that the patch fits */
export function newRollout(
  { customer, patch, size }: Pick<Rollout, "customer" | "patch" | "size">,
  { waves, failureLimit, onHalt }: Pick<Policy, "waves" | "failureLimit" | "onHalt">,
  now: number,
): Rollout {
  const none = { attempts: 0, failures: 0 };
  return {
    customer,
    patch,
    waves,
    failureLimit,
    onHalt,
    state: "running",
    wave: 0,
    waveOpenedAt: now,
    size,
    undo: false,
    baseline: none,
    waveBaseline: none,
    history: [{ at: now, what: "started", by: "gates", wave: 0, detail: "" }],
    revision: 1,
  };
}

/** Where a machine stands in the order of a patch's machines: 0 up to 1, ever the same, and another for each patch. */
function positionOf(patch: string, machine: string): number {
  return createHash("sha256").update(`${patch} ${machine}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** The first wave that takes a machine; a machine that comes later has its place likewise. */
export function waveOf(waves: readonly Wave[], patch: string, machine: { id: string; group: string }): number {
  const position = positionOf(patch, machine.id);
  const wave = waves.findIndex(({ share = 0, groups = [] }) => position < share || groups.includes(machine.group));
  return wave < 0 ? waves.length - 1 : wave;
}

/** The lower end of the Wilson score interval of a share at 95 %. @see E. B. Wilson, JASA 22 (1927), 209-212 */
export function wilsonLowerBound(failures: number, attempts: number): number {
  if (attempts === 0) return 0;
  const share = failures / attempts;
  const spread = z * Math.sqrt((share * (1 - share)) / attempts + z ** 2 / (4 * attempts ** 2));
  return Math.max(0, (share + z ** 2 / (2 * attempts) - spread) / (1 + z ** 2 / attempts));
}

/** How many machines tried, and how many of them failed. What was undone without a failure is no failure. */
export function evidenceOf({ applied, failed, undone, undoing }: Counts): Evidence {
  return { attempts: applied + failed + undone + undoing, failures: failed };
}

/** What a gate finds: nothing to do, trouble, or that the wave is over. */
export type Verdict = { do: "wait" } | { do: "halt"; because: string } | { do: "open" } | { do: "finish" };

/**
 * Judges a running rollout. Failures are weighed over the rollout and over the open wave alone, so that many good machines hide no
 * bad wave.
 * @param now milliseconds since the epoch
 */
export function judge(rollout: Rollout, counts: Counts, now: number): Verdict {
  const all = evidenceOf(counts);
  if (rollout.state === "done") return judgeLate(rollout, difference(all, rollout.baseline));
  if (rollout.state !== "running") return { do: "wait" };
  for (const [where, since] of [
    ["", rollout.baseline],
    [` in wave ${rollout.wave + 1}`, rollout.waveBaseline],
  ] as const) {
    const evidence = difference(all, since);
    if (isTooMuch(evidence, rollout)) {
      return { do: "halt", because: `${evidence.failures} of ${evidence.attempts} machines failed${where}` };
    }
  }
  const wave = difference(all, rollout.waveBaseline);
  const bake = (rollout.waves[rollout.wave]?.bakeMinutes ?? 0) * minute;
  const isBaked = now >= rollout.waveOpenedAt + bake && all.attempts >= rollout.size * quorum;
  if (!isBaked) return { do: "wait" };
  // Too few tries to weigh, and the wave is over: then one failure is too many
  if (wave.attempts < enough && wave.failures > 0) {
    return { do: "halt", because: `${wave.failures} of ${wave.attempts} machines failed in wave ${rollout.wave + 1}` };
  }
  return rollout.wave + 1 < rollout.waves.length ? { do: "open" } : { do: "finish" };
}

/** Trouble days later counts too: a patch that is everywhere can still be halted. */
function judgeLate(rollout: Rollout, evidence: Evidence): Verdict {
  if (!isTooMuch(evidence, rollout)) return { do: "wait" };
  return { do: "halt", because: `${evidence.failures} of ${evidence.attempts} machines failed, some of them late` };
}

function isTooMuch({ attempts, failures }: Evidence, { size, failureLimit }: Rollout): boolean {
  if (failures === 0) return false;
  if (attempts >= enough) return wilsonLowerBound(failures, attempts) > failureLimit;
  return size < enough;
}

/** What came since. Trouble of an earlier wave's machine brings a failure without an attempt, and counts as one. */
export function difference(all: Evidence, before: Evidence): Evidence {
  const failures = Math.max(0, all.failures - before.failures);
  return { attempts: Math.max(all.attempts - before.attempts, failures), failures };
}

/** Who changes a rollout, when (milliseconds since the epoch), and on what evidence. */
export type Change = { by: string; at: number; counts: Counts; detail?: string };

/** Stops a rollout; machines that have the patch take it out where the customer wants that. */
export function halt(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "halted", change, { state: "halted", undo: rollout.onHalt === "undo" });
}

/** Goes on after a halt; what failed before is forgiven. */
export function resume(rollout: Rollout, change: Change): Rollout {
  const baseline = evidenceOf(change.counts);
  return changed(rollout, "resumed", change, {
    state: "running",
    undo: false,
    baseline,
    waveBaseline: baseline,
    waveOpenedAt: change.at,
  });
}

/** Opens the next wave. @param size machines of the open waves, this one's included */
export function openWave(rollout: Rollout, size: number, change: Change, what: "wave" | "skipped" = "wave"): Rollout {
  return changed({ ...rollout, wave: rollout.wave + 1 }, what, change, {
    waveOpenedAt: change.at,
    waveBaseline: evidenceOf(change.counts),
    size,
  });
}

/** Ends a rollout for good. @param undo whether machines that have the patch take it out */
export function abort(rollout: Rollout, undo: boolean, change: Change): Rollout {
  return changed(rollout, "aborted", change, { state: "aborted", undo });
}

/** Lets machines whose policy asks first go ahead. */
export function approve(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "approved", change, { approvedBy: change.by });
}

/** Ends a rollout whose last wave is over. Machines that join later still get the patch. */
export function finish(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "done", change, { state: "done" });
}

/** Keeps what a person has to say. */
export function note(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "note", change, {});
}

const keptEvents = 200;

function changed(
  rollout: Rollout,
  what: RolloutEvent["what"],
  { by, at, detail = "" }: Change,
  more: Partial<Rollout>,
): Rollout {
  const event: RolloutEvent = { at, what, by, wave: rollout.wave, detail };
  return {
    ...rollout,
    ...more,
    history: [...rollout.history, event].slice(-keptEvents),
    revision: rollout.revision + 1,
  };
}
