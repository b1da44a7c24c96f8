import type { SeenProgram } from "../state/sightings.ts";

/** A process that ends before this lived shortly; seconds. */
const shortLife = 60;
/** So many short lives within this are a crash loop: more than whoever restarts a service by hand makes of them. */
const livesOfLoop = 5;
const loopWindow = 900;
/** A loop that goes on is told again after this. */
const toldFor = 3600;

export const newProgram: SeenProgram = { leaders: [], ranSteadily: false, endedAt: null, shortLives: [], toldAt: null };

/**
 * Looks at a patched program again. It is in a crash loop when it had run steadily, no instance of it does any more, and five in a
 * row ended within a minute of their start. What a steady daemon forks comes and goes, and is none; so is what never ran for long.
 * @param leaders its processes that no other of them started, as they are now
 * @param now seconds since the epoch
 */
export function lookAtProgram(
  before: SeenProgram,
  leaders: SeenProgram["leaders"],
  now: number,
): { program: SeenProgram; isLooping: boolean } {
  const alive = new Set(leaders.map(nameOf));
  const ended = before.leaders.filter((leader) => !alive.has(nameOf(leader)));
  const isSteady = leaders.some(({ startedAt }) => now - startedAt >= shortLife);
  const short = ended.filter(({ startedAt }) => now - startedAt < shortLife).map(() => now);
  const shortLives = isSteady ? [] : [...before.shortLives.filter((at) => now - at < loopWindow), ...short];
  const isTold = before.toldAt !== null && now - before.toldAt < toldFor;
  const isLooping = before.ranSteadily && shortLives.length >= livesOfLoop && !isTold;
  const program = {
    leaders,
    ranSteadily: before.ranSteadily || isSteady,
    endedAt: ended.length > 0 ? now : before.endedAt,
    shortLives,
    toldAt: isLooping ? now : before.toldAt,
  };
  return { program, isLooping };
}

/** Whether one of its processes ended just now, so that it is to be looked at closely. */
export function isRestless({ endedAt }: SeenProgram, now: number): boolean {
  return endedAt !== null && now - endedAt < shortLife;
}

function nameOf({ pid, startedAt }: SeenProgram["leaders"][number]): string {
  return `${pid} ${startedAt}`;
}
