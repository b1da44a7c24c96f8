import {
  type Counts,
  type Evidence,
  ofOpenPhase,
  quorum,
  type Rollout,
  triedOf,
  unforgiven,
  wilsonLowerBound,
} from "./rollout.ts";

/** What a gate weighs: tries, failures among them, and the lower end of the 95 % interval of the share that fails. */
type Weighed = Evidence & { lowerBound: number };
/** The numbers that `judge` goes by, for whoever watches. Times are milliseconds since the epoch. */
export type Gate = {
  openedAt: number;
  /** until then the open wave is watched, whatever happens */
  bakesUntil: number;
  /** machines that the patch fits in the open waves, 0 until they are counted; how many of them have tried, and how many must before the next wave */
  machines: number;
  tried: number;
  wanted: number;
  /** over the whole rollout, less what a person forgave; and over those who tried since the wave opened or was resumed */
  rollout: Weighed;
  wave: Weighed;
};

/** What a rollout's gate sees now (docs/rollouts.md, "A rollout"). */
export function gateOf(rollout: Rollout, counts: Counts): Gate {
  const { size, wave, waves, waveOpenedAt } = rollout;
  return {
    openedAt: waveOpenedAt,
    bakesUntil: waveOpenedAt + (waves[wave]?.bakeMinutes ?? 0) * 60_000,
    machines: size ?? 0,
    tried: triedOf(counts),
    wanted: Math.ceil((size ?? 0) * quorum),
    rollout: weighed(unforgiven(rollout, counts)),
    wave: weighed(ofOpenPhase(rollout, counts)),
  };
}

function weighed(evidence: Evidence): Weighed {
  return { ...evidence, lowerBound: wilsonLowerBound(evidence.failures, evidence.attempts) };
}
