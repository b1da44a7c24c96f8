import { describeError, isSutureError } from "../../protocol/errors.ts";
import { type Agent, secondsOf } from "../agent.ts";
import { isOnHost, type PatchRecord, storedVariants } from "../state/patches.ts";
import { install } from "./apply.ts";

/** What a patch is about to take the place of, kept in its record. */
export function formerOf(replaced: readonly PatchRecord[]): NonNullable<PatchRecord["former"]> {
  return replaced.flatMap(({ patch, manifest, verified, ...record }) =>
    verified !== null && isOnHost(record) ? [{ patch, manifest, verified }] : [],
  );
}

/**
 * Puts back what a patch had replaced in its place, before it is undone itself, so that the host is at no time without either.
 * What was recalled or held since stays away. Whatever goes wrong keeps nobody from the undo.
 */
export async function restoreFormer(agent: Agent, record: PatchRecord): Promise<void> {
  const holds = new Set(agent.patches.holds().map(({ patch }) => patch));
  const recalled = agent.patches.recalled();
  for (const { patch, manifest, verified } of record.state === "applied" ? (record.former ?? []) : []) {
    const known = agent.patches.get(patch);
    if (holds.has(patch) || recalled.has(patch) || (known !== undefined && isOnHost(known))) continue;
    const since = secondsOf(agent.clock);
    const back: PatchRecord = {
      patch,
      manifest,
      state: "applied",
      since,
      detail: "",
      planSeq: record.planSeq,
      verified,
      watchUntil: null,
      undoAs: null,
    };
    await restoreOne(agent, back, record.patch);
  }
}

/** A former patch whose kept payload is damaged, or that does not go in again, stays off the host: the undo goes on without it. */
async function restoreOne(agent: Agent, back: PatchRecord, successor: string): Promise<void> {
  try {
    const variants = storedVariants(back, agent.patches).map((variant) => ({ ...variant, replaces: [successor] }));
    await install(agent, back, variants);
  } catch (error) {
    if (!isSutureError(error)) throw error;
    const detail = `${back.patch}, which ${successor} had replaced, is not applied again: ${describeError(error)}`;
    agent.emit({ event: "trouble", code: error.code, detail, retryInSeconds: 0 });
  }
}
