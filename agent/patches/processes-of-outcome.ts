import { z } from "zod";
import { type PartlyApplied, partialIn } from "../../protocol/wire/partial.ts";
import type { Outcome } from "../engines/engine.ts";

const Processes = z.array(z.object({ pid: z.number(), startTime: z.string().default(""), code: z.string() }));
const Evidence = z.object({
  processes: Processes.default([]),
  /** one for each of the patch's variants, where it has several */
  parts: z.array(z.object({ processes: Processes.default([]) })).default([]),
});

type ProcessCode = z.infer<typeof Processes>[number];

/** The processes that an engine says have the patch now, by number; none for an engine whose target is the kernel. */
export function patchedIn(outcome: Outcome): number[] {
  return processesIn(outcome.evidence).flatMap((each) => (hasPatch(each) ? [each.pid] : []));
}

/** The processes that an engine says lack the patch, each as `pid start-time`. */
export function skippedIn(outcome: Outcome): string[] {
  return processesIn(outcome.evidence).flatMap((each) => (lacksPatch(each) ? [keyOf(each)] : []));
}

/**
 * An outcome of an apply as what a look at the processes afterwards shows of it: some of them were born since, and lack the patch.
 * @param found the outcome of that look
 */
export function partlyApplied(applied: Outcome, found: Outcome): Outcome {
  const processes = processesIn(found.evidence);
  const skipped = processes.filter(lacksPatch);
  const patched = processes.filter(hasPatch).length;
  const partial: PartlyApplied = { patched, skipped: skipped.length, reasons: countByCode(skipped) };
  const detail = `applied in ${patched} of ${patched + skipped.length} processes; the others were started meanwhile, and are patched next`;
  return { ...applied, detail, evidence: { ...applied.evidence, partial } };
}

/** What the outcomes of a patch's variants say together of processes that lack it; undefined where none does. */
export function partialOf(outcomes: readonly Outcome[]): PartlyApplied | undefined {
  const found = outcomes.flatMap(({ evidence }) => partialIn(evidence) ?? []);
  if (found.length < 2) return found[0];
  const processes = outcomes.flatMap(({ evidence }) => processesIn(evidence));
  // A process that lacks one variant lacks the patch
  const skipped = new Map(processes.filter(lacksPatch).map((each) => [keyOf(each), each]));
  const patched = new Set(
    processes.filter(hasPatch).flatMap((each) => (skipped.has(keyOf(each)) ? [] : [keyOf(each)])),
  );
  return { patched: patched.size, skipped: skipped.size, reasons: countByCode([...skipped.values()]) };
}

function processesIn(evidence: Outcome["evidence"]): ProcessCode[] {
  const { processes, parts } = Evidence.safeParse(evidence).data ?? { processes: [], parts: [] };
  return [...processes, ...parts.flatMap((part) => part.processes)];
}

function hasPatch({ code }: ProcessCode): boolean {
  return code === "applied" || code === "already-applied";
}

function lacksPatch(each: ProcessCode): boolean {
  return !hasPatch(each) && each.code !== "not-applicable" && each.code !== "undone";
}

function countByCode(processes: readonly ProcessCode[]): PartlyApplied["reasons"] {
  const groups = [...Map.groupBy(processes, ({ code }) => code)];
  return Object.fromEntries(groups.map(([code, of]) => [code, of.length]));
}

function keyOf({ pid, startTime }: ProcessCode): string {
  return `${pid} ${startTime}`;
}
