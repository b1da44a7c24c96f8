import { replaces } from "../../protocol/replaces.ts";
import type { Manifest } from "../../protocol/wire/patch.ts";
import { type Agent, secondsOf } from "../agent.ts";

/**
 * Holds a patch that would take the place of one that is pinned here, until that one is unpinned. The service hears of it as of any
 * other hold, and orders it no more.
 * @returns the pinned patch; undefined where nothing is in the way
 */
export function holdForPin(
  { pins, patches, clock }: Pick<Agent, "pins" | "patches" | "clock">,
  patch: { id: string; manifest: Pick<Manifest, "supersedes"> },
): string | undefined {
  const pin = (pins.read() ?? []).find((pinned) => replaces(patch, pinned));
  if (pin !== undefined) patches.hold({ patch: patch.id, at: secondsOf(clock), pin });
  return pin;
}
