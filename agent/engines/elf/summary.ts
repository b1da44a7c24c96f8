import type { OutcomeCode } from "../../../protocol/wire/host.ts";
import type { PartlyApplied } from "../../../protocol/wire/partial.ts";
import type { ElfPatch, Outcome } from "../engine.ts";
import { isOwnDomain, sameDomain } from "./domains.ts";
import { isForAnother, isGood, isSkipped, type Judged, named, type ProcessOutcome } from "./outcomes.ts";

/** Worst first. */
const severity: readonly OutcomeCode[] = [
  "failed",
  "unsupported",
  "blocked",
  "undo-pending",
  "undone",
  "applied",
  "already-applied",
];
/** So many processes are named in a sentence; the evidence has all. */
const namedInSentence = 3;

/**
 * The trust domains in which some process of the build could not be patched. Within one the patch is in all processes or in none; what
 * happens in one decides nothing in another.
 */
function failedDomains(judged: readonly Judged[]): Judged[] {
  return judged.filter(({ outcome }) => isSkipped(outcome));
}

/** Whether a process is in a trust domain in which one could not be patched. */
function isInFailedDomain(each: Judged, failed: readonly Judged[]): boolean {
  return failed.some((other) => sameDomain(each.domain, other.domain));
}

/**
 * The outcome of a patch over its processes. Those that ended meanwhile do not count. Where each trust domain has a process that could not
 * be patched, it is that of the worst. Else the patch is applied, and `evidence.partial` counts those that lack it.
 *
 * A failure in the agent's own domain is one of the patch and not of somebody's odd process: then the whole outcome is `failed`.
 */
export function summary(patch: ElfPatch, judged: readonly Judged[]): Outcome {
  const counted = judged.filter(({ outcome }) => outcome.code !== "not-applicable");
  const failed = failedDomains(counted);
  const whole = counted.filter((each) => !isInFailedDomain(each, failed));
  const evidence = {
    functions: patch.variant.functions.map(({ name }) => name),
    ...evidenceOf(judged.map((each) => (isGood(each.outcome) ? each.outcome : named(each)))),
    ...partialOf(counted),
  };
  const [worst] = sorted(counted);
  if (worst === undefined) {
    const others = judged.filter(({ outcome }) => outcome.detail.startsWith("not this build"));
    const detail = `no process runs build ${patch.variant.match.buildId}`;
    return { code: "not-applicable", detail: [detail, ...others.map(sentence)].join("; "), evidence };
  }
  const ownFailure = failed.find(({ outcome, domain }) => outcome.code === "failed" && isOwnDomain(domain));
  const [best] = sorted(whole);
  if (failed.length === 0 || ownFailure !== undefined || best === undefined) {
    const { outcome, ...rest } = ownFailure ?? worst;
    return { code: outcome.code, detail: sentence({ ...rest, outcome }), evidence };
  }
  const has = counted.filter(({ outcome }) => isGood(outcome)).length;
  const detail = `applied in ${has} of ${counted.length} processes; ${skippedSentence(counted)}`;
  return { code: best.outcome.code, detail, evidence };
}

/** Likewise for an undo: a busy process makes it pending. */
export function undoSummary(outcomes: readonly ProcessOutcome[]): Outcome {
  const left = outcomes.filter(({ code }) => code !== "undone" && code !== "not-applicable");
  const [worst] = left;
  const evidence = evidenceOf(outcomes);
  if (!worst) return { code: "undone", detail: `undone in ${outcomes.length} processes`, evidence };
  const detail = `still in ${left.length} of ${outcomes.length} processes: ${listed(left.map(ofProcess))}`;
  return { code: worst.code === "blocked" ? "undo-pending" : worst.code, detail, evidence };
}

export function evidenceOf(outcomes: readonly ProcessOutcome[]): {
  pauseMicros: number;
  processes: readonly ProcessOutcome[];
} {
  return { pauseMicros: Math.max(0, ...outcomes.map(({ pauseMicros }) => pauseMicros ?? 0)), processes: outcomes };
}

/** The counts of a patch that some processes have and some lack; empty where all have it or none. */
function partialOf(counted: readonly Judged[]): { partial?: PartlyApplied } {
  const skipped = counted.filter(({ outcome }) => isSkipped(outcome));
  const patched = counted.length - skipped.length;
  if (patched === 0 || skipped.length === 0) return {};
  const reasons = Map.groupBy(skipped, ({ outcome }) => outcome.code);
  return {
    partial: {
      patched,
      skipped: skipped.length,
      reasons: Object.fromEntries([...reasons].map(([code, of]) => [code, of.length])),
    },
  };
}

function sorted(judged: readonly Judged[]): Judged[] {
  const rank = ({ outcome }: Judged) => 2 * severity.indexOf(outcome.code) + Number(isForAnother(outcome));
  return [...judged].sort((one, other) => rank(one) - rank(other));
}

function skippedSentence(counted: readonly Judged[]): string {
  const skipped = sorted(counted.filter(({ outcome }) => isSkipped(outcome)));
  return `${skipped.length} skipped: ${listed(skipped.map(sentence))}`;
}

function listed(sentences: readonly string[]): string {
  const more = sentences.length - namedInSentence;
  return [...sentences.slice(0, namedInSentence), ...(more > 0 ? [`and ${more} more`] : [])].join("; ");
}

function sentence(each: Judged): string {
  return ofProcess(isGood(each.outcome) ? each.outcome : named(each));
}

function ofProcess({ pid, detail, program, owner }: ProcessOutcome): string {
  const who = program === undefined ? "" : ` (${program}, of ${owner})`;
  return `process ${pid}${who}: ${detail}`;
}
