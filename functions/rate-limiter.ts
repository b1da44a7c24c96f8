import { SutureError } from "../protocol/errors.ts";
import { type Bucket, type Rate, take } from "./domain/token-bucket.ts";

/** So many names are remembered, each with its bucket; the one that came first is forgotten first. */
const capacity = 50_000;

/**
 * Holds each name to a rate, in this process's memory and without waiting for anything: what it says costs no write. Of several
 * instances of the service each knows its own share of the requests alone (ADR 25).
 */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now milliseconds since the epoch */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /**
   * Counts a request of this name.
   * @param whose what is said of it to whoever sent too many
   * @throws SutureError `rate-limited` with data `retryAfter` in seconds
   */
  admit(name: string, whose: string): void {
    const wait = this.#take(name);
    if (wait > 0)
      throw new SutureError("rate-limited", `Too many requests of ${whose}`, { data: { retryAfter: wait } });
  }

  /** Counts against a name without refusing it: what it sent was answered already. */
  count(name: string): void {
    this.#take(name);
  }

  /** Refuses a name against which too much was counted, and counts nothing. @throws as `admit` */
  refuse(name: string, whose: string): void {
    const { wait } = take(this.#buckets.get(name), this.#rate, this.#now() / 1000);
    if (wait > 0)
      throw new SutureError("rate-limited", `Too many requests of ${whose}`, { data: { retryAfter: wait } });
  }

  #take(name: string): number {
    const { wait, ...bucket } = take(this.#buckets.get(name), this.#rate, this.#now() / 1000);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > capacity) {
      const [first] = this.#buckets.keys();
      if (first !== undefined) this.#buckets.delete(first);
    }
    return wait;
  }
}
