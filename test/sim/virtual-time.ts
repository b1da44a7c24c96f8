import type { Clock } from "../../agent/system/clock.ts";

type Sleeper = { at: number; order: number; wake: () => void };

/**
 * Time that moves only when everybody sleeps: from one sleeper's end to the next. One task runs at a time, so a run with the same
 * seed goes the same way.
 */
export class VirtualTime implements Clock {
  #now: number;
  #order = 0;
  #sleepers: Sleeper[] = [];
  #resting: (() => void) | undefined;
  #failure: { cause: unknown } | undefined;

  /** @param now milliseconds since the epoch */
  constructor(now: number) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  sleep(millis: number): Promise<void> {
    return new Promise((wake) => {
      this.#push({ at: this.#now + Math.max(1, millis), order: this.#order++, wake });
      this.#rest();
    });
  }

  /** Begins a task after `delay` milliseconds; what it throws ends the run. */
  begin(task: () => Promise<void>, delay = 0): void {
    const wake = () => {
      task().then(
        () => this.#rest(),
        (cause: unknown) => {
          this.#failure = { cause };
          this.#rest();
        },
      );
    };
    this.#push({ at: this.#now + delay, order: this.#order++, wake });
  }

  /** Lets time pass until `isOver`, or until nobody is left to wake. */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const next = this.#pop();
      if (next === undefined) return;
      this.#now = Math.max(this.#now, next.at);
      await new Promise<void>((resting) => {
        this.#resting = resting;
        next.wake();
      });
      if (this.#failure !== undefined) throw this.#failure.cause;
    }
  }

  #rest(): void {
    const resting = this.#resting;
    this.#resting = undefined;
    resting?.();
  }

  #push(sleeper: Sleeper): void {
    const heap = this.#sleepers;
    let at = heap.push(sleeper) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#swapIf(parent, at)) return;
      at = parent;
    }
  }

  #pop(): Sleeper | undefined {
    const heap = this.#sleepers;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      const child = right < heap.length && this.#isBefore(right, left) ? right : left;
      if (child >= heap.length || !this.#swapIf(at, child)) return first;
      at = child;
    }
  }

  #swapIf(upper: number, lower: number): boolean {
    if (!this.#isBefore(lower, upper)) return false;
    const heap = this.#sleepers;
    const [up, low] = [heap[upper], heap[lower]];
    if (up === undefined || low === undefined) return false;
    [heap[upper], heap[lower]] = [low, up];
    return true;
  }

  #isBefore(one: number, other: number): boolean {
    const [a, b] = [this.#sleepers[one], this.#sleepers[other]];
    return a !== undefined && b !== undefined && (a.at < b.at || (a.at === b.at && a.order < b.order));
  }
}

/** Random numbers, 0 up to 1, the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
