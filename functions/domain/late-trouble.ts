import type { Incident } from "../../protocol/wire/incident.ts";

/** A patch that has been in for longer is not to blame for what happens now. Seconds. */
const blamedFor = 14 * 86_400;

/**
 * The patch that an incident is put down to: the one that went in last before it, where that is not too long ago. The incident
 * itself says what was in, so the answer is the same whatever else came before it, later, or twice.
 */
export function blamedPatch({
  applied,
  at,
}: Pick<Incident, "applied" | "at">): Incident["applied"][number] | undefined {
  const before = applied.filter(({ since }) => since <= at && at - since <= blamedFor);
  return before.sort((one, other) => other.since - one.since || one.patch.localeCompare(other.patch, "en"))[0];
}
