import type { RolloutView } from "../../../../protocol/wire/rollout.ts";
import { number } from "./formats.ts";

type State = { word: string; advice: string };
export type RolloutState = RolloutView["state"] | "asking" | "undoing";
type What = RolloutView["history"][number]["what"];

const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const share = (value: number) => percent.format(value);
const machines = (count: number) => `${number(count)} ${count === 1 ? "machine" : "machines"}`;

/** A span of minutes in the largest unit that it is whole in. */
function minutes(count: number): string {
  if (count >= 1440 && count % 1440 === 0) return `${number(count / 1440)} d`;
  if (count >= 60 && count % 60 === 0) return `${number(count / 60)} h`;
  return `${number(count)} min`;
}

export const rollouts = {
  title: "Rollouts",
  label: "Rollouts of patches over your machines",
  patch: "Patch",
  state: "State",
  wave: "Wave",
  applied: "Applied",
  partial: "In part",
  failed: "Failed",
  undone: "Undone",
  started: "Started",
  waveOf: (wave: number, waves: number) => `${number(wave)} of ${number(waves)}`,
  states: {
    asking: { word: "Asks first", advice: "A policy asks first. Approve it, or abort it." },
    running: { word: "Running", advice: "Nothing to do. The gates open the next wave, or halt." },
    undoing: { word: "Undoing", advice: "Halted; machines take it out. Read why, then resume or abort." },
    halted: { word: "Halted", advice: "Nothing new is applied. Read why, then resume or abort." },
    aborted: { word: "Aborted", advice: "It has ended for good. The next version begins anew." },
    done: { word: "Done", advice: "Nothing to do. Machines that join later get it too." },
  } satisfies Record<RolloutState, State>,
  counts: "Rollouts by state",
  all: "All rollouts",
  none: "No rollout is in this state.",
  empty: {
    title: "No rollouts yet",
    first:
      "When a vendor publishes a patch on a channel of yours, its rollout begins here by itself: wave after wave, with a gate between them. Until a policy says otherwise there is one wave of every machine.",
    action: "Say how machines are patched",
  },
};

export const rollout = {
  patch: "What the patch is",
  picture: (open: number, waves: number) => `The waves: ${number(open)} of ${number(waves)} open`,
  legend: {
    applied: "Applied",
    partial: "Applied in part",
    failed: "Failed",
    undoing: "Being undone",
    undone: "Undone",
    waiting: "Still to try",
    later: "In later waves",
  },
  waves: "Waves",
  wave: "Wave",
  who: "Machines",
  bake: "Watched for",
  opened: "Opened",
  waveStates: { done: "Done", open: "Open", later: "Later", never: "Not opened" },
  waveState: "State",
  takes: (value: number | undefined, groups: readonly string[]) =>
    [
      ...(groups.length > 0 ? [`group ${groups.join(", ")}`] : []),
      ...(value === undefined ? [] : [value === 1 ? "everything else" : `up to ${share(value)} of all`]),
    ].join(" and "),
  minutes,
  gates: "Gates",
  gate: "Gate",
  now: "Now",
  limit: "Limit",
  verdict: "So",
  tried: "Machines that have tried",
  triedNow: (tried: number, open: number) => `${number(tried)} of ${machines(open)} in the open waves`,
  wanted: (count: number) => `${number(count)} before the next wave`,
  bakes: "Time watched",
  bakesNow: (past: string) => `opened ${past}`,
  bakesUntil: (span: string) => `${span} at least`,
  failures: "Failures since the start",
  failuresSince: "Failures since it was resumed",
  waveFailures: "Failures in the open wave",
  failedOf: (failures: number, attempts: number) =>
    attempts === 0 ? "nothing tried" : `${number(failures)} of ${number(attempts)} (${share(failures / attempts)})`,
  bound: (lower: number, limit: number) => `at least ${share(lower)} of all, halts above ${share(limit)}`,
  anyFailure: "fewer than ten machines: halts at any failure",
  enough: "enough",
  waits: "not yet",
  over: "over",
  inside: "inside",
  beyond: "beyond",
  causes: "Failures by cause",
  cause: "Cause",
  count: "Machines",
  noCauses: "Nothing failed.",
  causeWords: {
    failed: "It did not go in",
    quarantined: "Unhealthy with it",
    silent: "No word after the apply",
    "undo-pending": "It could not be taken back",
  } as Readonly<Record<string, string>>,
  actions: "Your word",
  note: "Note for the review",
  noteHint: "Why, for whoever reads this later. It stands in the history with your name.",
  does: {
    approve: "Approve",
    halt: "Halt",
    "halt-undo": "Halt and undo",
    resume: "Resume",
    skip: "Open the next wave now",
    abort: "Abort for good",
    "abort-undo": "Abort and undo",
    note: "Leave the note",
  },
  more: "More",
  whatDoes: {
    halt: "Nothing more is applied; machines that have it keep it.",
    "halt-undo": "Nothing more is applied, and machines that have it take it out at their next check-in.",
    resume: "It goes on. What failed before is forgiven.",
    skip: "The next wave opens without waiting for its gate.",
    abort: "It never goes on. Machines that have it keep it.",
    "abort-undo": "It never goes on, and machines that have it take it out.",
  },
  onHalt: { undo: "A halt by the gates undoes what is applied.", keep: "A halt by the gates keeps what is applied." },
  approvedBy: (who: string) => `Approved by ${who}`,
  history: "Review",
  whats: {
    started: "Started",
    wave: "Next wave",
    halted: "Halted",
    resumed: "Resumed",
    skipped: "Skipped ahead",
    aborted: "Aborted",
    approved: "Approved",
    done: "Done",
    note: "Note",
  } satisfies Record<What, string>,
  byGates: "the gates",
  inWave: (wave: number) => `wave ${number(wave)}`,
  after: (count: number) => `after ${number(Math.round(count))} min`,
  notFound: "There is no such rollout in your account.",
  readOnly: "Your role may look. Owners and operators decide.",
};
