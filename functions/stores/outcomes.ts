import { createHash } from "node:crypto";
import { SutureError } from "../../protocol/errors.ts";
import { isInEffect, type Outcome, outcomes, type Watch, watchDue } from "../domain/outcome.ts";
import { type Counts, noCounts } from "../domain/rollout.ts";
import type { Dynamo, Write } from "./dynamo.ts";
import type { Page, PageRequest } from "./page.ts";
import { otherParts, partKey, SplitCounts, sumOfParts } from "./split-counts.ts";
import { openTable, writeTogether } from "./table.ts";
import { tables } from "./tables.ts";

/** Which rollout: a customer's, of one patch. */
export type RolloutRef = { customer: string; patch: string };
/** What a machine's newest receipt, and the newest incident that was put down to the patch, say of it. */
export type Reported = { machine: string; receipt: number; incident?: number; outcome: Outcome; cause: string };
/** What is counted of one machine. `phase` is the rollout's when it tried; `watch` is there while its check-ins after the apply are watched. */
export type CountedMachine = Reported & { rollout: string; revision: number; phase: number; watch?: Watch };
type Row = CountedMachine & { watched?: string; dueAt?: string };
/** `rollout`, and a number for each outcome and each cause of failure; `parts` where there are rows of other parts. */
type CountsRow = Record<string, string | number>;

/** A transaction takes 100 writes; a smaller one loses less to a race. */
const perTransaction = 40;
const attempts = 10;
const causePrefix = "cause ";
/** What is watched stands in sixteen partitions, by a hash of the machine: many machines apply in the same minute. */
const shards = Array.from({ length: 16 }, (_, digit) => digit.toString(16));
const phaseName = /^phase (\d+) (attempts|failures)$/;

/** When reports are counted (milliseconds since the epoch: from then on who has applied is watched), and in which phase of the rollout. */
export type Seen = { now: number; phase: number };

export type OutcomesStore = ReturnType<typeof outcomesStore>;

/**
 * What became of each patch on each machine, and how many machines have each outcome. A machine's row and the counts change in one
 * transaction, so they agree whatever is said twice, late or by two at once, and a batch of machines is one write to the counts.
 * Written by the aggregates and gates jobs.
 */
export function outcomesStore(dynamo: Dynamo) {
  const machines = openTable<Row>(dynamo, tables.outcomes);
  const counts = openTable<CountsRow>(dynamo, tables.counts);

  const split = new SplitCounts(async (rollout) => {
    await counts.update({ rollout }, "SET #parts = :parts", { values: { parts: 1 } });
  });

  /** Replaces machines' rows and moves the counts. False where one of them was changed meanwhile. */
  function move(rollout: string, changes: readonly { before: Row | undefined; after: CountedMachine }[]) {
    const puts = changes.map(
      ({ before, after }): Write => ({
        Put: machines.putting(
          { ...after, ...dueOf(after) },
          before === undefined
            ? { condition: "attribute_not_exists(#machine)" }
            : { condition: "#revision = :revision", values: { revision: before.revision } },
        ),
      }),
    );
    const sums = new Map<string, number>();
    const add = (name: string, by: number) => sums.set(name, (sums.get(name) ?? 0) + by);
    for (const { before, after } of changes) {
      for (const [row, by] of [
        [before, -1],
        [after, 1],
      ] as const) {
        if (row === undefined || row.outcome === "pending") continue;
        add(row.outcome, by);
        // A machine on which some process lacks the patch is no evidence for it, nor against it
        if (row.outcome !== "skipped" && row.outcome !== "partial") add(`phase ${row.phase} attempts`, by);
        if (row.outcome !== "failed") continue;
        add(`phase ${row.phase} failures`, by);
        add(`${causePrefix}${row.cause}`, by);
      }
    }
    const moved = [...sums].filter(([, by]) => by !== 0);
    if (moved.length === 0) return writeTogether(dynamo, puts);
    return writeTogether(dynamo, async (attempt) => [
      ...puts,
      counts.updating(
        { rollout: partKey(rollout, await split.partFor(rollout, attempt)) },
        `ADD ${moved.map((_, at) => `#n${at} :n${at}`).join(", ")}`,
        {
          names: Object.fromEntries(moved.map(([name], at) => [`n${at}`, name])),
          values: Object.fromEntries(moved.map(([, by], at) => [`n${at}`, by])),
        },
      ),
    ]);
  }

  async function recordSome(rollout: string, reports: readonly Reported[], seen: Seen): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const before = await Promise.all(
        reports.map(({ machine }) => machines.get({ rollout, machine }, { consistent: true })),
      );
      const changes = reports.flatMap((report, at) => {
        const known = before[at];
        if (known !== undefined && !isNewer(report, known)) return [];
        const phase = known === undefined || isNewAttempt(known, report) ? seen.phase : known.phase;
        const { machine, receipt, incident = 0, outcome, cause } = report;
        const said = { machine, receipt, incident, outcome, cause };
        return [{ before: known, after: { rollout, ...said, phase, ...watchAfter(known, report, seen.now) } }];
      });
      if (changes.length === 0 || (await move(rollout, changes))) return;
    }
    throw new SutureError("unavailable", `The outcomes of ${rollout} are being written by too many at once`);
  }

  return {
    /**
     * Counts what machines reported, the newest of each; what is not newer than what is counted changes nothing.
     */
    async record(ref: RolloutRef, reports: readonly Reported[], seen: Seen): Promise<void> {
      const newest = new Map<string, Reported>();
      for (const report of reports) {
        const known = newest.get(report.machine);
        if (known === undefined || isNewer(report, known)) newest.set(report.machine, report);
      }
      const all = [...newest.values()];
      for (let at = 0; at < all.length; at += perTransaction)
        await recordSome(keyOf(ref), all.slice(at, at + perTransaction), seen);
    },

    /** Machines of any rollout whose check-in after an apply is due by `now`; some hundreds of those longest due. */
    async due(now: number): Promise<CountedMachine[]> {
      const pages = await Promise.all(
        shards.map((partition) => machines.query({ partition, index: "watched", limit: 100 })),
      );
      return pages
        .flatMap(({ items }) => items)
        .filter(({ watch }) => watch !== undefined && (watchDue(watch) ?? now + 1) <= now)
        .map(toMachine);
    },

    /** Replaces a machine's watch, and what it counts as. False where the machine reported meanwhile. */
    watched(before: CountedMachine, after: Pick<CountedMachine, "watch" | "outcome" | "cause">): Promise<boolean> {
      const { watch: _watch, ...rest } = before;
      const row: CountedMachine = { ...rest, ...after, revision: before.revision + 1 };
      return move(before.rollout, [{ before, after: row }]);
    },

    async counts(ref: RolloutRef): Promise<Counts> {
      const first = (await counts.get({ rollout: keyOf(ref) }, { consistent: true })) ?? {};
      const keys = first.parts === undefined ? [] : otherParts(keyOf(ref)).map((rollout) => ({ rollout }));
      const row = sumOfParts([first, ...(await counts.getMany(keys, { consistent: true }))]);
      const causes = Object.entries(row).flatMap(([name, count]) =>
        name.startsWith(causePrefix) && Number(count) > 0 ? [[name.slice(causePrefix.length), Number(count)]] : [],
      );
      const totals = Object.fromEntries(outcomes.map((outcome) => [outcome, Number(row[outcome] ?? 0)]));
      return { ...noCounts, ...totals, causes: Object.fromEntries(causes), phases: phasesOf(row) };
    },

    /** By machine. */
    async list(ref: RolloutRef, request: PageRequest = {}): Promise<Page<CountedMachine>> {
      const page = await machines.query({ ...request, partition: keyOf(ref) });
      return { ...page, items: page.items.map(toMachine) };
    },

    /** Notes that the gates look now, and says when they did before; milliseconds since the epoch. */
    async looked(now: number): Promise<number | undefined> {
      const key = { rollout: "#gates" };
      const before = await counts.get(key, { consistent: true });
      await counts.put({ ...key, lookedAt: now });
      return before && Number(before.lookedAt);
    },
  };
}

/** A machine numbers its receipts and incidents, so both only rise. */
function isNewer(report: Reported, known: Reported): boolean {
  return report.receipt > known.receipt || (report.incident ?? 0) > (known.incident ?? 0);
}

/** What was out and goes in tries anew; so does what had failed. */
function isNewAttempt(known: Reported, { outcome }: Reported): boolean {
  return isInEffect(outcome) && !isInEffect(known.outcome);
}

function phasesOf(row: CountsRow): Counts["phases"] {
  const phases: Record<number, { attempts: number; failures: number }> = {};
  for (const [name, count] of Object.entries(row)) {
    const [, phase, what] = phaseName.exec(name) ?? [];
    if (phase === undefined || what === undefined) continue;
    phases[Number(phase)] = { attempts: 0, failures: 0, ...phases[Number(phase)], [what]: Number(count) };
  }
  return phases;
}

/** A machine that has applied is watched from then on; processes that start later and are patched too begin no new watch. */
function watchAfter(known: Row | undefined, { outcome }: Reported, now: number) {
  const revision = (known?.revision ?? 0) + 1;
  if (!isInEffect(outcome)) return { revision };
  const begun =
    known !== undefined && isInEffect(known.outcome) ? known.watch : { appliedAt: now, point: 0, misses: 0 };
  if (begun === undefined) return { revision };
  const { reported: _reported, ...watch } = begun;
  return { revision, watch: outcome === "partial" ? { ...watch, reported: "partial" as const } : watch };
}

/** The index is sparse: a machine that is not watched is not in it. Its sort key is text of one length. */
function dueOf({ machine, watch }: CountedMachine): Pick<Row, "watched" | "dueAt"> {
  const due = watch && watchDue(watch);
  if (due === undefined || due === null) return {};
  return { watched: shardOf(machine), dueAt: String(Math.ceil(due)).padStart(15, "0") };
}

function shardOf(machine: string): string {
  return createHash("sha256").update(machine).digest("hex").charAt(0);
}

function toMachine({ watched: _watched, dueAt: _dueAt, ...machine }: Row): CountedMachine {
  return machine;
}

function keyOf({ customer, patch }: RolloutRef): string {
  return `${customer} ${patch}`;
}

/** The rollout that a machine is counted in. */
export function rolloutOfCounted({ rollout }: Pick<CountedMachine, "rollout">): RolloutRef {
  const [customer = "", patch = ""] = rollout.split(" ");
  return { customer, patch };
}
