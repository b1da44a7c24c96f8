import type { Dynamo } from "./dynamo.ts";
import { openTable } from "./table.ts";
import { tables } from "./tables.ts";

/** How far a job has come that reads more than one run may. */
export type Progress = {
  /** what it works on, so that what was begun for something else is begun anew */
  of: string;
  /** where it goes on; absent where it is done */
  cursor?: string;
  /** what it has found so far */
  count: number;
  /** milliseconds since the epoch */
  startedAt: number;
};
type Row = Progress & { job: string; revision: number; ttl: number };

/** What nobody goes on with is forgotten. Seconds. */
const keptFor = 30 * 86_400;

export type ProgressStore = ReturnType<typeof progressStore>;

/** Where long jobs are, kept between their runs. Written by the jobs themselves: the sweeps and the gates. */
export function progressStore(dynamo: Dynamo) {
  const table = openTable<Row>(dynamo, tables.progress);
  return {
    /** How far a job has come, and the revision that `save` replaces: 0 where it never ran. */
    async read(job: string): Promise<{ progress: Progress | undefined; revision: number }> {
      const row = await table.get({ job }, { consistent: true });
      if (row === undefined) return { progress: undefined, revision: 0 };
      const { job: _job, ttl: _ttl, revision, ...progress } = row;
      return { progress, revision };
    },
    /** Keeps how far it has come now. False where another run of the same job was faster: that one goes on. */
    async save(job: string, progress: Progress, revision: number): Promise<boolean> {
      const ttl = Math.ceil(progress.startedAt / 1000) + keptFor;
      const condition = "attribute_not_exists(#job) OR #revision = :revision";
      const written = await table.put(
        { ...progress, job, revision: revision + 1, ttl },
        { condition, values: { revision } },
      );
      return written.done;
    },
  };
}
