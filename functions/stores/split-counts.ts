/** How many rows a counter has at most. */
const parts = 8;
/** Counters whose writers are remembered to meet, by one instance. */
const mostKept = 1000;

/**
 * Spreads a counter that many write at once over several rows. Each counter begins as one row, which is all that most ever need; where
 * writers meet at it, they add to a row of their own choice from then on, and the count is the sum of the rows.
 */
export class SplitCounts {
  readonly #kept = new Set<string>();
  readonly #random: () => number;
  readonly #announce: (counter: string) => Promise<void>;

  /**
   * @param announce says in the counter's first row that there are others, before any is written: who reads it then reads them too
   * @param random 0 up to 1
   */
  constructor(announce: (counter: string) => Promise<void>, random: () => number = Math.random) {
    this.#announce = announce;
    this.#random = random;
  }

  /** The part to add to: 0, the first row, until writers have met there. @param attempt above 0 where they just did */
  async partFor(counter: string, attempt: number): Promise<number> {
    if (attempt > 0 && !this.#kept.has(counter)) {
      await this.#announce(counter);
      const [oldest] = this.#kept;
      if (this.#kept.size >= mostKept && oldest !== undefined) this.#kept.delete(oldest);
      this.#kept.add(counter);
    }
    return this.#kept.has(counter) ? Math.floor(this.#random() * parts) : 0;
  }
}

/** The key of a part of a counter; the first has the counter's own. */
export function partKey(counter: string, part: number): string {
  return part === 0 ? counter : `${counter} #${part}`;
}

/** The counter that a row is a part of. */
export function counterOf(key: string): string {
  return key.replace(/ #\d+$/, "");
}

/** The keys of all parts but the first. */
export function otherParts(counter: string): string[] {
  return Array.from({ length: parts - 1 }, (_, at) => partKey(counter, at + 1));
}

/** The sum of a counter's rows: of each name that is a number; what is text is the first row's. */
export function sumOfParts(
  rows: readonly Readonly<Record<string, string | number>>[],
): Record<string, string | number> {
  const sum: Record<string, string | number> = {};
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const before = sum[name];
      if (typeof value === "number" && typeof before === "number") sum[name] = before + value;
      else sum[name] ??= value;
    }
  }
  return sum;
}
