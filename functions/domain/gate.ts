import {
  type Counts,
  difference,
  type Evidence,
  evidenceOf,
  quorum,
  type Rollout,
  wilsonLowerBound,
} from "./rollout.ts";

/** What a gate weighs: tries, failures among them, and the lower end of the 95 % interval of the share that fails. */
type Weighed = Evidence & { lowerBound: number };
/** The numbers that `judge` goes by, for whoever watches. Times are milliseconds since the epoch. */
export type Gate = {
  openedAt: number;
  /** until then the open wave is watched, whatever happens */
  bakesUntil: number;
  /** machines that the patch fits in the open waves; how many of them have tried, and how many must before the next wave */
  machines: number;
  tried: number;
  wanted: number;
  /** over the rollout since a person last resumed it, and over the open wave alone */
  rollout: Weighed;
  wave: Weighed;
};

/** What a rollout's gate sees now (docs/rollouts.md, "A rollout"). */
export function gateOf(rollout: Rollout, counts: Counts): Gate {
  const { size, wave, waves, waveOpenedAt, baseline, waveBaseline } = rollout;
  const all = evidenceOf(counts);
  return {
    openedAt: waveOpenedAt,
    bakesUntil: waveOpenedAt + (waves[wave]?.bakeMinutes ?? 0) * 60_000,
    machines: size,
    tried: all.attempts,
    wanted: Math.ceil(size * quorum),
    rollout: weighed(difference(all, baseline)),
    wave: weighed(difference(all, waveBaseline)),
  };
}

function weighed(evidence: Evidence): Weighed {
  return { ...evidence, lowerBound: wilsonLowerBound(evidence.failures, evidence.attempts) };
}
