import { livePatch, takeNextVersion } from "./sample-patch.ts";
import { isReported, type Scene, until } from "./scene.ts";
import { tamperedIsRefused } from "./tamper.ts";

/** What `npm start -- --once --json` ends with. `ok` only when all of it held. */
export type Verdict = {
  ok: boolean;
  leakBefore: boolean;
  leakAfter: boolean;
  leakAfterUndo: boolean;
  pidUnchanged: boolean;
  requests: number;
  failedRequests: number;
  closedConnections: number;
  publishToAppliedMs: number;
  withdrawToUndoneMs: number;
  pauseMicros: number;
  tamperedRefused: boolean;
  receipts: number;
};

/** So many replies are checked, at least; and at no moment, so during no stop, was none in flight (`leastInFlight`). */
const enoughRequests = 10_000;

/**
 * Plays the whole of it with no one watching: the leak, the publication, the apply, the withdrawal, the undo, and a tampered bundle
 * that is refused.
 */
export async function runOnce(scene: Scene): Promise<Verdict> {
  const { stack, cast, sample, load, timeline, echod } = scene;
  const earlier = await livePatch(stack.stores);
  if (earlier !== undefined) {
    await cast.withdraw(earlier);
    timeline.step(`withdrew ${earlier}, which an earlier run left published`);
  }
  const agent = scene.startAgent();
  const leakBefore = await load.leak();
  timeline.step(
    `before: asked for more than was sent, the server ${leakBefore ? "answers with its secret" : "is silent"}`,
  );

  const patch = await takeNextVersion(sample, stack.stores);
  await load.worstGapMicros();
  const published = performance.now();
  await cast.publish(sample.folder);
  timeline.step(`the vendor published ${patch}`);
  await until("the patch is applied", () => isReported(scene, patch, "applied"));
  const publishToAppliedMs = Math.round(performance.now() - published);
  const pauseMicros = await load.worstGapMicros();
  const leakAfter = await load.leak();
  timeline.step(`applied while serving; ${leakAfter ? "the leak is STILL THERE" : "the leak is gone"}`);

  const withdrawn = performance.now();
  await cast.withdraw(patch);
  timeline.step(`the vendor withdrew ${patch}`);
  await until("the patch is undone", () => isReported(scene, patch, "undone"));
  const withdrawToUndoneMs = Math.round(performance.now() - withdrawn);
  const leakAfterUndo = await load.leak();
  timeline.step(`undone while serving; the leak is ${leakAfterUndo ? "back, as it must be" : "NOT back"}`);
  await agent.stop();

  const next = await takeNextVersion(sample, stack.stores);
  await cast.publish(sample.folder);
  await until("the next version is live", async () => (await livePatch(stack.stores)) === next);
  const target = { pid: echod.pid, binary: sample.binary };
  const tamperedRefused = await tamperedIsRefused(next, { stack, cast, dataDir: scene.dataDir, target });
  timeline.step(
    `a second agent met a tampered bundle: ${tamperedRefused ? "refused, the server untouched" : "NOT REFUSED"}`,
  );
  await cast.withdraw(next);

  await until(`${enoughRequests} replies are checked`, () => Promise.resolve(load.stats().requests >= enoughRequests));
  const pidUnchanged = isAlive(echod.pid) && (await load.leak()) === leakAfterUndo;
  const { requests, failed: failedRequests, closed: closedConnections, leastInFlight } = load.stats();
  const receipts = await stack.stores.receipts.count(scene.machine);
  const ok =
    leakBefore &&
    !leakAfter &&
    leakAfterUndo &&
    pidUnchanged &&
    failedRequests === 0 &&
    closedConnections === 0 &&
    leastInFlight > 0 &&
    tamperedRefused &&
    receipts >= 2;
  return {
    ok,
    leakBefore,
    leakAfter,
    leakAfterUndo,
    pidUnchanged,
    requests,
    failedRequests,
    closedConnections,
    publishToAppliedMs,
    withdrawToUndoneMs,
    pauseMicros,
    tamperedRefused,
    receipts,
  };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
