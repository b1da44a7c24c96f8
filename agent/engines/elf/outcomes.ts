import { describeError, isSutureError } from "../../../protocol/errors.ts";
import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import { programName } from "../../system/proc.ts";
import type { TrustDomain } from "../../system/trust-domain.ts";
import { userName } from "../../system/users.ts";
import type { ChangeReport } from "./change.ts";
import { isGone, type ProcessId } from "./memory.ts";
import { whoTraces } from "./tracer.ts";

/** What became of one process; plain JSON, for the receipt. Where it was not patched, `program` and `owner` say whose process it is. */
export type ProcessOutcome = {
  pid: number;
  startTime: string;
  code: OutcomeCode;
  detail: string;
  program?: string;
  owner?: string;
  /** memory that payloads take in the process, applied or not */
  residentBytes?: number;
} & Partial<ChangeReport>;

/** What work on one process came to, without saying which. */
export type ProcessResult = Omit<ProcessOutcome, keyof ProcessId>;

/** A process, whose it is, and what became of it. */
export type Judged = { process: ProcessId; domain: TrustDomain; outcome: ProcessOutcome };

/**
 * Does one process's work; whatever it throws is that process's outcome.
 * @param imageOf what changes when the process runs another program, or its own anew; a failure in between says nothing of the patch
 */
export async function attempt(
  process: ProcessId,
  work: () => Promise<ProcessResult>,
  imageOf: (pid: number) => string | undefined = () => undefined,
): Promise<ProcessOutcome> {
  const { pid, startTime } = process;
  const image = imageOf(pid);
  try {
    return { pid, startTime, ...(await work()) };
  } catch (error) {
    // A process may end at any moment, and then every read of it fails in its own way
    if (isGone(process)) return ended(process, "the process ended");
    if (imageOf(pid) !== image) return ended(process, ranAnew);
    const code = outcomeCode(error);
    const detail = (code === "blocked" ? whoTraces(pid) : undefined) ?? describeError(error);
    return { pid, startTime, code, detail, ...reportOf(error) };
  }
}

/** What is said of a process that has executed a program meanwhile: what went wrong concerned the one before. */
export const ranAnew = "it has begun to run a program anew";

function ended({ pid, startTime }: ProcessId, detail: string): ProcessOutcome {
  return { pid, startTime, code: "not-applicable", detail };
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

/** Whether a process has the patch, or may have it; one that is not concerned has not. */
export function isGood({ code }: Pick<ProcessOutcome, "code">): boolean {
  return code === "applied" || code === "already-applied";
}

/** Whether a process runs the build and was not patched. */
export function isSkipped({ code }: Pick<ProcessOutcome, "code">): boolean {
  return !isGood({ code }) && code !== "not-applicable";
}

/** An outcome with the program's name and its owner, as people are told of a process that was not patched. */
export function named({ process, domain, outcome }: Judged): ProcessOutcome {
  return { ...outcome, program: programName(process.pid), owner: userName(domain.uid) };
}

const sibling = "left without the patch";

/** What becomes of a process because another of its trust domain could not be patched. */
export function leftAlone({ process, outcome }: Judged): ProcessResult {
  return {
    code: "blocked",
    detail: `${sibling}, for process ${process.pid} of the same user could not have it: ${outcome.detail}`,
  };
}

/** Whether a process was left without a patch for another's sake, and not by itself. */
export function isForAnother({ detail }: ProcessOutcome): boolean {
  return detail.startsWith(sibling);
}

/** What tells one process from all others, as a key. */
export function keyOf({ pid, startTime }: ProcessId): string {
  return `${pid} ${startTime}`;
}
