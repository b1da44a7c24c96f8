import { createHash } from "node:crypto";
import type { Policy, Wave } from "../../protocol/wire/policy.ts";

const minute = 60_000;
/** Who decides where nobody does. */
export const gates = "gates";
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
  /** applied in some processes of the machine while others lack it */
  partial: number;
  failed: number;
  undone: number;
  undoing: number;
  skipped: number;
  causes: Readonly<Record<string, number>>;
  /** those that tried in each of the rollout's phases */
  phases: Readonly<Record<number, Evidence>>;
};
export const noCounts: Counts = {
  applied: 0,
  partial: 0,
  failed: 0,
  undone: 0,
  undoing: 0,
  skipped: 0,
  causes: {},
  phases: {},
};

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
  /** how many machines that the patch fits are in the open waves, as of the opening; null until they are counted */
  size: number | null;
  /** whether machines that have the patch take it out */
  undo: boolean;
  approvedBy?: string;
  /** rises when a wave opens and when a person resumes: who tries in a phase is judged by itself, too */
  phase: number;
  /** how many had failed when a person last resumed it: these are forgiven */
  forgiven: number;
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
    phase: 0,
    forgiven: 0,
    history: [{ at: now, what: "started", by: gates, wave: 0, detail: "" }],
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

/** How many machines have tried, those included that are no evidence because some process lacks the patch there. */
export function triedOf(counts: Counts): number {
  return evidenceOf(counts).attempts + counts.partial;
}

/**
 * How many machines tried, and how many of them failed. What was undone without a failure is no failure. A machine that is patched in part is
 * in neither number: whoever keeps a process of his from being patched can neither halt a rollout nor hide that it fails elsewhere.
 */
function evidenceOf({ applied, failed, undone, undoing }: Counts): Evidence {
  return { attempts: applied + failed + undone + undoing, failures: failed };
}

/** What a gate finds: nothing to do, trouble, or that the wave is over. */
export type Verdict = { do: "wait" } | { do: "halt"; because: string } | { do: "open" } | { do: "finish" };

/**
 * Judges a rollout that runs or is done. Failures are weighed over the whole rollout and over its open phase alone, so that many good
 * machines hide no bad wave, and trouble that comes late to a few of many machines is no bad wave either.
 * @param now milliseconds since the epoch
 */
export function judge(rollout: Rollout, counts: Counts, now: number): Verdict {
  const whole = unforgiven(rollout, counts);
  const halted = ({ attempts, failures }: Evidence, where: string): Verdict => ({
    do: "halt",
    because: `${failures} of ${attempts} machines failed${where}${causesOf(counts)}`,
  });
  // Trouble days later counts too: a patch that is everywhere can still be halted
  if (rollout.state === "done")
    return isTooMuch(whole, rollout) ? halted(whole, ", some of them late") : { do: "wait" };
  if (rollout.state !== "running") return { do: "wait" };
  if (isTooMuch(whole, rollout)) return halted(whole, "");
  const phase = ofOpenPhase(rollout, counts);
  const inWave = ` in wave ${rollout.wave + 1}`;
  if (isTooMuch(phase, rollout)) return halted(phase, inWave);
  const bake = (rollout.waves[rollout.wave]?.bakeMinutes ?? 0) * minute;
  const isBaked = now >= rollout.waveOpenedAt + bake && hasQuorum(rollout, counts);
  if (!isBaked) return { do: "wait" };
  // Too few tries to weigh, and the wave is over: then one failure is too many
  if (phase.attempts < enough && phase.failures > 0) return halted(phase, inWave);
  return rollout.wave + 1 < rollout.waves.length ? { do: "open" } : { do: "finish" };
}

/** What the whole rollout has shown, less the failures that a person forgave. */
export function unforgiven({ forgiven }: Pick<Rollout, "forgiven">, counts: Counts): Evidence {
  const { attempts, failures } = evidenceOf(counts);
  return { attempts: attempts - forgiven, failures: Math.max(0, failures - forgiven) };
}

/** What those have shown who tried since the wave opened, or since a person resumed the rollout in it. */
export function ofOpenPhase({ phase }: Pick<Rollout, "phase">, { phases }: Counts): Evidence {
  return phases[phase] ?? { attempts: 0, failures: 0 };
}

function causesOf({ causes }: Counts): string {
  const all = Object.entries(causes).map(([cause, count]) => `${cause} ${count}`);
  return all.length === 0 ? "" : ` (${all.sort().join(", ")})`;
}

/**
 * Whether every failure is a reboot that nobody asked for. Power fails too, so such a halt is the customer's own and says nothing to
 * other customers.
 */
export function isForRebootsAlone({ failed, causes }: Counts): boolean {
  return failed > 0 && causes.reboot === failed;
}

function isTooMuch({ attempts, failures }: Evidence, { size, failureLimit }: Rollout): boolean {
  if (failures === 0) return false;
  if (attempts >= enough) return wilsonLowerBound(failures, attempts) > failureLimit;
  return size !== null && size < enough;
}

function hasQuorum({ size }: Rollout, counts: Counts): boolean {
  return size !== null && triedOf(counts) >= size * quorum;
}

/** Keeps how many machines are in the open waves. */
export function sized(rollout: Rollout, size: number): Rollout {
  return { ...rollout, size, revision: rollout.revision + 1 };
}

/** Who changes a rollout, when (milliseconds since the epoch), and on what evidence. */
export type Change = { by: string; at: number; counts: Counts; detail?: string };

/** Stops a rollout; machines that have the patch take it out where the customer wants that. */
export function halt(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "halted", change, { state: "halted", undo: rollout.onHalt === "undo" });
}

/** Goes on after a halt; what failed before is forgiven. */
export function resume(rollout: Rollout, change: Change): Rollout {
  return changed(rollout, "resumed", change, {
    state: "running",
    undo: false,
    phase: rollout.phase + 1,
    forgiven: change.counts.failed,
    waveOpenedAt: change.at,
  });
}

/** Opens the next wave. @param size machines of the open waves, this one's included; null where nobody counted them yet */
export function openWave(
  rollout: Rollout,
  size: Rollout["size"],
  change: Change,
  what: "wave" | "skipped" = "wave",
): Rollout {
  return changed({ ...rollout, wave: rollout.wave + 1 }, what, change, {
    waveOpenedAt: change.at,
    phase: rollout.phase + 1,
    size,
  });
}

/** Ends a rollout for good. @param undo whether machines that have the patch take it out */
export function abort(rollout: Rollout, undo: boolean, change: Change): Rollout {
  return changed(rollout, "aborted", change, { state: "aborted", undo });
}

/** Ends a rollout whose patch is offered no more: there is nothing left to roll out, and nothing to take back. */
export function endWithPatch(rollout: Rollout, at: number, state: "superseded" | "withdrawn"): Rollout {
  const detail = state === "withdrawn" ? "The vendor withdrew the patch" : "The vendor offers the patch no more";
  return changed(rollout, "aborted", { by: gates, at, counts: noCounts, detail }, { state: "aborted", undo: false });
}

/** Begins a rollout anew that ended with its patch, which is live again; null where a person ended it. */
export function beginAgain(rollout: Rollout, size: Rollout["size"], at: number): Rollout | null {
  const last = rollout.history.findLast(({ what }) => what === "aborted");
  if (rollout.state !== "aborted" || last?.by !== gates) return null;
  const change = { by: gates, at, counts: noCounts, detail: "The patch is live again" };
  return changed({ ...rollout, wave: 0 }, "started", change, {
    state: "running",
    waveOpenedAt: at,
    phase: rollout.phase + 1,
    size,
  });
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
