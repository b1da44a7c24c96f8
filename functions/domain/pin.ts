import { parsePatchId } from "../../protocol/wire/names.ts";
import type { PinTerms } from "../../protocol/wire/policy.ts";

/** A pin as plans see it; `until` in seconds since the epoch. */
export type Pin = Omit<PinTerms, "until" | "reason"> & { until: number };

/** Whether a pin keeps a patch out, for whichever machine. */
function covers({ patch, newest }: Pick<Pin, "patch" | "newest">, patchId: string): boolean {
  const ref = parsePatchId(patchId);
  return patch === `${ref.vendor}/${ref.product}/${ref.patch}` && ref.version > (newest ?? 0);
}

/** The pin that keeps a patch from a machine now, the one that lasts longest where there are several. */
export function pinFor(
  pins: readonly Pin[],
  patchId: string,
  machine: { id: string; group: string },
  now: number,
): Pin | undefined {
  return pins
    .filter(
      (pin) =>
        pin.until > now &&
        (pin.group === undefined || pin.group === machine.group) &&
        (pin.machine === undefined || pin.machine === machine.id) &&
        covers(pin, patchId),
    )
    .sort((one, other) => other.until - one.until)[0];
}

/** The CVEs that stay open while a pin lasts: those of the live patches that it keeps out. */
export function openCves(
  pin: Pick<Pin, "patch" | "newest">,
  patches: readonly { id: string; state: string; manifest: { cves: readonly string[] } }[],
): string[] {
  const kept = patches.filter(({ id, state }) => state === "live" && covers(pin, id));
  return [...new Set(kept.flatMap(({ manifest }) => manifest.cves))].sort();
}
