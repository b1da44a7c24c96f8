import type { PublishMessage, PublishQueue, QueueGauge } from "../../functions/jobs/queue.ts";
import { describeError } from "../../protocol/errors.ts";

const firstRetryMillis = 200;
const lastRetryMillis = 30_000;

/**
 * The publish queue of an embedded service: one message at a time, each repository once however often it was asked for, and a
 * failed one again after a while. What a crash loses is asked for again at the next start.
 */
export class LocalPublishQueue implements PublishQueue, QueueGauge {
  readonly #work: (message: PublishMessage) => Promise<void>;
  readonly #log: (line: string) => void;
  readonly #waiting = new Set<string>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #running: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(work: (message: PublishMessage) => Promise<void>, log: (line: string) => void) {
    this.#work = work;
    this.#log = log;
  }

  send({ repository }: PublishMessage): Promise<void> {
    this.#enqueue(repository, firstRetryMillis);
    return Promise.resolve();
  }

  waiting(): Promise<number> {
    return Promise.resolve(this.#waiting.size + this.#timers.size);
  }

  /** Resolves when everything that was sent before has been worked on. */
  async idle(): Promise<void> {
    await this.#running;
  }

  /** Lets the run under way end, and starts no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#running;
  }

  #enqueue(repository: string, retryMillis: number): void {
    if (this.#stopped || this.#waiting.has(repository)) return;
    this.#waiting.add(repository);
    this.#running = this.#running.then(async () => {
      this.#waiting.delete(repository);
      if (this.#stopped) return;
      try {
        await this.#work({ repository });
      } catch (error) {
        this.#log(`publishing ${repository} failed and is tried again: ${describeError(error)}`);
        this.#retry(repository, retryMillis);
      }
    });
  }

  #retry(repository: string, delay: number): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#enqueue(repository, Math.min(delay * 2, lastRetryMillis));
    }, delay);
    this.#timers.add(timer);
  }
}
