import { parentOf } from "../../system/proc.ts";
import { trustDomainOf } from "../../system/trust-domain.ts";
import type { ElfPatch } from "../engine.ts";
import { sameDomain } from "./domains.ts";
import type { JournalRecord } from "./journal.ts";
import { isGood, isSkipped, type Judged, keyOf, leftAlone } from "./outcomes.ts";
import type { Tools } from "./process.ts";
import { currentRecords, undoRecord } from "./records.ts";
import { summary } from "./summary.ts";

/** Generations between a process and one that had the patch before. */
const maxGenerations = 8;

/**
 * Reverts what a step did in the trust domains in which a process could not be patched; in all of them where the step failed as a whole. What
 * had the patch before keeps it, and so do the children of that.
 * @returns what became of each process
 */
export async function revertFailed(tools: Tools, patch: ElfPatch, judged: readonly Judged[]): Promise<Judged[]> {
  const failed = judged.filter(({ outcome }) => isSkipped(outcome));
  const [first] = failed;
  if (first === undefined) return [...judged];
  const isWhole = isGood(summary(patch, judged));
  const hadIt = new Set(
    judged.flatMap(({ process, outcome }) => (outcome.code === "already-applied" ? [process.pid] : [])),
  );
  const reverted = new Map<string, Judged>();
  for (const record of currentRecords(tools, patch.id)) {
    if (record.buildId !== patch.variant.match.buildId || inherits(record, hadIt)) continue;
    const domain = trustDomainOf(record.pid);
    const cause = failed.find((each) => domain !== null && sameDomain(each.domain, domain));
    if (isWhole && cause === undefined) continue;
    // Another patch that took its place meanwhile keeps it
    const known = judged.find(({ process }) => keyOf(process) === keyOf(record));
    if (known?.outcome.code === "not-applicable" && record.stage === "applied") continue;
    const { code } = await undoRecord(tools, record);
    if (known !== undefined && code === "undone" && isGood(known.outcome)) {
      reverted.set(keyOf(record), { ...known, outcome: { ...known.outcome, ...leftAlone(cause ?? first) } });
    }
  }
  return judged.map((each) => reverted.get(keyOf(each.process)) ?? each);
}

/** Whether a process had the patch before, or was born to one that had. */
function inherits({ pid }: JournalRecord, hadIt: ReadonlySet<number>): boolean {
  for (let [at, generation] = [pid, 0]; at > 1 && generation < maxGenerations; at = parentOf(at), generation++) {
    if (hadIt.has(at)) return true;
  }
  return false;
}
