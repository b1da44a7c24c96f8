import { matchVariant } from "../../protocol/match.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import type { Condition, Tone } from "../domain/status.ts";
import type { PatchRecord } from "../stores/patches.ts";

const conditionTones: Record<Condition, Tone> = {
  refusing: "failing",
  failing: "failing",
  cloned: "attention",
  stalled: "attention",
  "needs-reboot": "attention",
  attention: "attention",
  silent: "attention",
  moving: "moving",
  unsupported: "quiet",
  patched: "good",
  idle: "quiet",
};

const patchTones: Record<PatchRecord["state"], Tone> = { live: "good", superseded: "quiet", withdrawn: "attention" };

export const toneOfPatch = (state: PatchRecord["state"]): Tone => patchTones[state];
export const toneOfCondition = (condition: Condition): Tone => conditionTones[condition];

/** Why none of a patch's variants fits a host, each reason once. */
export function whyNoVariant({ manifest }: PatchRecord, facts: HostFacts): string[] {
  const reasons = manifest.variants.flatMap((variant) => {
    const match = matchVariant(variant, facts);
    return match.fits ? [] : [match.why];
  });
  return [...new Set(reasons)];
}
