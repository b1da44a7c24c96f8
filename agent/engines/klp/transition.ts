import type { Clock } from "../../system/clock.ts";
import { isSystemError } from "../../system/proc.ts";
import { type Blocker, findBlockers } from "./blockers.ts";
import type { Kernel } from "./kernel.ts";
import { inTransition, isInTransition, livepatchOf, setEnabled } from "./livepatches.ts";

/** What is told while tasks are waited for. */
export type Progress = {
  patch: string;
  action: "apply" | "undo";
  waitedSeconds: number;
  blockers: readonly Blocker[];
};

export type Waiting = {
  kernel: Kernel;
  clock: Clock;
  onProgress: (progress: Progress) => void;
};

/** A transition is over within some 40 ms where nothing holds it up, and can take as long as the deadline says. */
const [shortest, longest] = [5, 250];
const tellEvery = 5_000;
/** How long a reversed transition may take: the tasks are where it began, so it takes a moment (measured: 0.9 s). */
const reverseSeconds = 60;

/** How long the kernel takes to notice that a transition was forced: it looks once a second. */
export const noticeSeconds = 30;

/** How a wait ended. */
export type Waited = { done: true; millis: number } | { done: false; millis: number; blockers: Blocker[] };

/**
 * Waits until a livepatch is through its transition; one that is gone from sysfs is.
 * @param wanted the state that tasks are to come to: 1 on the way in, 0 on the way out
 */
export async function awaitTransition(
  { kernel, clock, onProgress }: Waiting,
  { patch, module, wanted, seconds }: { patch: string; module: string; wanted: 0 | 1; seconds: number },
): Promise<Waited> {
  const started = clock.now();
  let told = started;
  for (let pause = shortest; ; pause = Math.min(pause * 2, longest)) {
    const done = !isInTransition(kernel, module);
    const millis = clock.now() - started;
    if (done) return { done, millis };
    if (millis >= seconds * 1000) return { done, millis, blockers: findBlockers(kernel, wanted) };
    if (clock.now() - told >= tellEvery) {
      told = clock.now();
      const action = wanted === 1 ? "apply" : "undo";
      onProgress({ patch, action, waitedSeconds: Math.round(millis / 1000), blockers: findBlockers(kernel, wanted) });
    }
    await clock.sleep(pause);
  }
}

/** Waits until no other livepatch is in transition; answers with the one that still is at the end. */
export async function awaitTurn({ kernel, clock }: Waiting, seconds: number): Promise<string | undefined> {
  const end = clock.now() + seconds * 1000;
  for (;;) {
    const other = inTransition(kernel);
    if (other === undefined || clock.now() >= end) return other;
    await clock.sleep(longest);
  }
}

/**
 * Sends a livepatch one way or back, and waits for the end. EBUSY means that another is in transition: it waits its turn.
 * @returns what still is in transition where the turn did not come
 */
export async function turn(
  waiting: Waiting,
  { patch, module, enabled, seconds }: { patch: string; module: string; enabled: boolean; seconds: number },
): Promise<Waited | { busyWith: string }> {
  const { kernel, clock } = waiting;
  const end = clock.now() + seconds * 1000;
  for (;;) {
    try {
      setEnabled(kernel, module, enabled);
      return await awaitTransition(waiting, { patch, module, wanted: enabled ? 1 : 0, seconds });
    } catch (error) {
      if (isSystemError(error, "ENOENT", "ENODEV")) return { done: true, millis: 0 };
      // It already stands so: somebody else wrote it, or we did before we were killed
      if (isSystemError(error, "EINVAL") && livepatchOf(kernel, module)?.enabled === enabled)
        return await awaitTransition(waiting, { patch, module, wanted: enabled ? 1 : 0, seconds });
      if (!isSystemError(error, "EBUSY")) throw error;
      const other = await awaitTurn(waiting, Math.max(0, (end - clock.now()) / 1000));
      if (other !== undefined && clock.now() >= end) return { busyWith: other };
      if (clock.now() >= end) return { busyWith: "another livepatch" };
      await clock.sleep(longest);
    }
  }
}

/** Turns a stalled transition round, so that all tasks are back where they were. */
export async function reverse(waiting: Waiting, patch: string, module: string, enabled: boolean) {
  return await turn(waiting, { patch, module, enabled, seconds: reverseSeconds });
}
