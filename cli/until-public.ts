import { setTimeout as sleep } from "node:timers/promises";
import type { Io } from "./io.ts";

const betweenMillis = 500;
const tries = 120;

/**
 * Asks until a statement of the operator's stands, signed, in the public repository, a minute at most: it is recorded and comes in
 * any case.
 */
export async function untilPublic<T extends { public: boolean }>(
  first: T,
  ask: () => Promise<T>,
  { watched, err }: Pick<Io, "watched" | "err">,
): Promise<T> {
  let view = first;
  if (watched && !view.public) err("Waiting for the signed statement to be public …\n");
  for (let left = tries; left > 0 && !view.public; left--) {
    await sleep(betweenMillis);
    view = await ask();
  }
  return view;
}

/** What is said where it is not public yet. */
export const notPublicYet = "It is recorded, and becomes public when the publish job runs; machines learn of it then.";
