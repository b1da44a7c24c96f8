import { type ChangeRecord, isChangedSince } from "./domain/poll.ts";

/**
 * What was read from the tables, kept until the record of changes says that one of its scopes has changed. Whoever asks has read the
 * record first: what is kept under its epoch was read after it, so a change that it missed has a later epoch.
 */
export class KeptByScope<T> {
  readonly #most: number;
  readonly #kept = new Map<string, { epoch: number; value: Promise<T> }>();

  /** @param most how many are kept; the one that was not asked for longest goes first */
  constructor(most: number) {
    this.#most = most;
  }

  /** What is kept under `key`, as of `record` or later; loaded where there is none. What fails to load is not kept. */
  get(key: string, record: ChangeRecord, scopes: readonly string[], load: () => Promise<T>): Promise<T> {
    const found = this.#kept.get(key);
    const isKept = found !== undefined && !isChangedSince(found.epoch, scopes, record);
    const entry = isKept ? found : { epoch: record.epoch, value: load() };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    if (isKept) return entry.value;
    entry.value.catch(() => this.#kept.get(key) === entry && this.#kept.delete(key));
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > this.#most && oldest !== undefined) this.#kept.delete(oldest);
    return entry.value;
  }
}
