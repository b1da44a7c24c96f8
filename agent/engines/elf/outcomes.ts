import { describeError, isSutureError } from "../../../protocol/errors.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { ElfPatch, Outcome } from "../engine.ts";
import type { ChangeReport } from "./change.ts";
import { isAlive, type ProcessId } from "./memory.ts";

/** What became of one process; plain JSON, for the receipt. */
export type ProcessOutcome = {
  pid: number;
  startTime: string;
  code: OutcomeCode;
  detail: string;
  /** memory that payloads take in the process, applied or not */
  residentBytes?: number;
} & Partial<ChangeReport>;

/** Worst first. */
const severity: readonly OutcomeCode[] = [
  "failed",
  "unsupported",
  "blocked",
  "undo-pending",
  "applied",
  "undone",
  "already-applied",
];

/** Does one process's work; whatever it throws is that process's outcome. */
export async function attempt(
  process: ProcessId,
  work: () => Promise<Omit<ProcessOutcome, "pid" | "startTime">>,
): Promise<ProcessOutcome> {
  const { pid, startTime: start } = process;
  try {
    return { pid, startTime: start, ...(await work()) };
  } catch (error) {
    // a process may end at any moment, and then every read of it fails in its own way
    if (!isAlive(process)) return { pid, startTime: start, code: "not-applicable", detail: "the process ended" };
    return { pid, startTime: start, code: outcomeCode(error), detail: describeError(error), ...reportOf(error) };
  }
}

function outcomeCode(error: unknown): OutcomeCode {
  if (isSutureError(error, "blocked")) return "blocked";
  if (isSutureError(error, "not-applicable")) return "not-applicable";
  return isSutureError(error, "unsupported") || isSutureError(error, "no-permission") ? "unsupported" : "failed";
}

/** What a failed change still measured. */
function reportOf(error: unknown): Partial<ChangeReport> {
  return isSutureError(error, "blocked") ? error.data : {};
}

/** The outcome of a patch over its processes: that of the worst. Those that ended meanwhile do not count. */
export function summary(patch: ElfPatch, outcomes: readonly ProcessOutcome[]): Outcome {
  const alive = outcomes.filter(({ code }) => code !== "not-applicable");
  const [worst] = [...alive].sort((one, other) => severity.indexOf(one.code) - severity.indexOf(other.code));
  const evidence = { functions: patch.variant.functions.map(({ name }) => name), ...evidenceOf(outcomes) };
  if (!worst) {
    return { code: "not-applicable", detail: `no process runs build ${patch.variant.match.buildId}`, evidence };
  }
  return { code: worst.code, detail: sentence(worst), evidence };
}

/** Likewise for an undo: a busy process makes it pending. */
export function undoSummary(outcomes: readonly ProcessOutcome[]): Outcome {
  const [worst] = outcomes.filter(({ code }) => code !== "undone" && code !== "not-applicable");
  const evidence = evidenceOf(outcomes);
  if (!worst) return { code: "undone", detail: `undone in ${outcomes.length} processes`, evidence };
  return { code: worst.code === "blocked" ? "undo-pending" : worst.code, detail: sentence(worst), evidence };
}

export function evidenceOf(outcomes: readonly ProcessOutcome[]): {
  pauseMicros: number;
  processes: readonly ProcessOutcome[];
} {
  return { pauseMicros: Math.max(0, ...outcomes.map(({ pauseMicros }) => pauseMicros ?? 0)), processes: outcomes };
}

function sentence({ pid, detail }: ProcessOutcome): string {
  return `process ${pid}: ${detail}`;
}
