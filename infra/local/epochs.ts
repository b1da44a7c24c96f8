import { setTimeout as sleep } from "node:timers/promises";
import { advanceEpochs } from "../../functions/jobs/epochs.ts";
import type { ChangesStore } from "../../functions/stores/changes.ts";
import type { TableChange } from "../../functions/stores/streams.ts";

/** The record of changes is written at most this often. */
const writeEveryMillis = 1_000;

/**
 * Gathers the batches of all streams and advances the record once for all that came within a second. A batch is done when its
 * change is in the record, so that a stream whose reader dies goes on from there.
 */
export function gatherEpochs(
  changes: ChangesStore,
  now: () => number,
): (batch: readonly TableChange[]) => Promise<void> {
  let waiting: TableChange[] = [];
  let writing: Promise<void> | undefined;
  let lastWrite = 0;

  async function write(): Promise<void> {
    await sleep(Math.max(0, lastWrite + writeEveryMillis - now()));
    const batch = waiting;
    waiting = [];
    writing = undefined;
    lastWrite = now();
    await advanceEpochs(batch, { changes, now: now() });
  }

  return async (batch) => {
    waiting.push(...batch);
    writing ??= write();
    await writing;
  };
}
