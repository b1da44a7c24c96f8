/** What an actor calls before each step that others can see: it waits there until the schedule lets it go. */
export type Gate = () => Promise<void>;
type Actor = (gate: Gate) => Promise<void>;

/**
 * Runs actors under every order of their steps, one whole run for each order, and calls `check` after each.
 * @param world makes the actors of one run, afresh
 * @returns how many orders there were
 */
export async function everyInterleaving(
  world: () => { actors: readonly Actor[]; check: () => Promise<void> },
): Promise<number> {
  let runs = 0;
  let next: number[] | undefined = [];
  while (next !== undefined) {
    const { actors, check } = world();
    const taken = await runOnce(actors, next);
    await check();
    runs++;
    next = followingPrefix(taken);
  }
  return runs;
}

type Choice = { picked: number; of: number };

/** Follows the prefix of choices, then always the first actor that can go on. */
async function runOnce(actors: readonly Actor[], prefix: readonly number[]): Promise<Choice[]> {
  const players = actors.map(start);
  const choices: Choice[] = [];
  for (;;) {
    for (const player of players) await player.settled();
    const waiting = players.filter((player) => player.waits());
    if (waiting.length === 0) break;
    const picked = prefix[choices.length] ?? 0;
    choices.push({ picked, of: waiting.length });
    waiting[picked]?.release();
  }
  for (const player of players) await player.done;
  return choices;
}

function followingPrefix(choices: readonly Choice[]): number[] | undefined {
  for (let at = choices.length - 1; at >= 0; at--) {
    const choice = choices[at];
    if (choice !== undefined && choice.picked + 1 < choice.of) {
      return [...choices.slice(0, at).map(({ picked }) => picked), choice.picked + 1];
    }
  }
  return undefined;
}

/** An actor at its gate: steps that it takes side by side wait at one gate and pass together. */
function start(actor: Actor) {
  let open: (() => void)[] = [];
  let arrived: (() => void) | undefined;
  let over = false;
  const gate: Gate = () =>
    new Promise((resolve) => {
      open.push(resolve);
      arrived?.();
    });
  const done = actor(gate).finally(() => {
    over = true;
    arrived?.();
  });
  done.catch(() => undefined);
  return {
    done,
    waits: () => open.length > 0,
    release() {
      const passing = open;
      open = [];
      for (const pass of passing) pass();
    },
    async settled() {
      while (!over && open.length === 0) {
        await new Promise<void>((resolve) => {
          arrived = resolve;
        });
      }
      // Steps taken side by side arrive within one turn of the event loop
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
