import { endingOf, howWords, type ProcessEnd, restartLimit, targetOf } from "./ends.ts";
import type { UnitState } from "./units.ts";

/** A service that a watched process belonged to: how often systemd had restarted it then, and what it says now. */
export type SeenUnit = { name: string; restarts: number; now: UnitState | undefined };

/** None of the processes that had a patch first is left: what became of them. */
export type Gone = {
  /** as `targetsOf` names them */
  watched: readonly string[];
  /** how processes that had the patch ended */
  ends: readonly ProcessEnd[];
  units: readonly SeenUnit[];
  /** whether another process has the patch since */
  hasSuccessor: boolean;
  /** how often the watched processes were replaced before for no known reason */
  restarts: number;
  /** whether the window is over */
  isOver: boolean;
};

/**
 * What it says of the patch that all watched processes ended. `ordinary`: somebody asked for it, or their work was done, and whatever has the
 * patch now is watched on. `restarted`: likewise, but nobody knows why they ended. `wait`: the next look may show.
 */
export type EndVerdict = { is: "ordinary" | "restarted" | "wait" } | { is: "trouble"; why: string };

/**
 * Tells an end that was asked for from one that the patch may have caused, by how each process ended and, where that says nothing, by
 * systemd's account of its service: a service that systemd itself had to restart has failed, one that it did not was restarted by somebody.
 */
export function judgeEnd({ watched, ends, units, hasSuccessor, restarts, isOver }: Gone): EndVerdict {
  const howOf = (target: string) => ends.findLast((end) => targetOf(end) === target)?.how ?? null;
  const found = watched.map((target) => ({ target, how: howOf(target), ending: endingOf(howOf(target)) }));
  if (found.every(({ ending }) => ending === "ordinary")) return { is: "ordinary" };
  const failedUnit = units.find(hasFailed);
  if (failedUnit !== undefined) {
    const { name, now } = failedUnit;
    return trouble(
      `${name} failed within the window (${now?.result === "success" ? "restarted by systemd" : now?.result})`,
    );
  }
  if (areWell(units)) return { is: "ordinary" };
  const failed = found.find(({ ending }) => ending === "failed" || ending === "crashed");
  if (failed !== undefined) return trouble(`${failed.target} ended ${howWords(failed.how)} within the window`);
  if (!hasSuccessor)
    return isOver ? trouble(`${watched.join(", ")} ended within the window, and nobody tells why`) : { is: "wait" };
  if (restarts + 1 < restartLimit) return { is: "restarted" };
  return trouble(`${watched.join(", ")} ended within the window, as those before did, and nobody tells why`);
}

/** Whether systemd says of some services that none has failed; false where it says nothing. */
export function areWell(units: readonly SeenUnit[]): boolean {
  return units.length > 0 && units.every((unit) => unit.now !== undefined && !hasFailed(unit));
}

function hasFailed({ restarts, now }: SeenUnit): boolean {
  return now !== undefined && (now.result !== "success" || now.active === "failed" || now.restarts > restarts);
}

function trouble(why: string): EndVerdict {
  return { is: "trouble", why };
}
