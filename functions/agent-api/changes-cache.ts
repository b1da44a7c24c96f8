import { SutureError } from "../../protocol/errors.ts";
import type { ChangeRecord } from "../domain/poll.ts";

/** Reads the record of recent changes; `consistent` for what must not be older than a check-in saw. */
export type ReadChanges = (options: { consistent: boolean }) => Promise<ChangeRecord>;

/** For so long an instance believes its copy, and, where the table cannot be read, for so long after that; milliseconds. */
const fresh = 5_000;
const bearable = 60_000;

/**
 * One instance's copy of the record of recent changes: it answers polls from memory, so that "nothing new" costs no table.
 * However many polls wait, one read is under way.
 */
export class ChangesCache {
  readonly #read: ReadChanges;
  readonly #now: () => number;
  #kept: { record: ChangeRecord; at: number } | undefined;
  #reading: Promise<ChangeRecord> | undefined;

  /** @param now milliseconds since the epoch */
  constructor(read: ReadChanges, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /** The record if the copy is fresh, without waiting for anything. */
  peek(): ChangeRecord | undefined {
    return this.#kept !== undefined && this.#now() - this.#kept.at < fresh ? this.#kept.record : undefined;
  }

  /**
   * The record, read again where the copy is not fresh.
   * @throws SutureError `unavailable` when it could not be read for a minute: never "nothing new" out of ignorance
   */
  async current(): Promise<ChangeRecord> {
    const kept = this.peek();
    if (kept !== undefined) return kept;
    try {
      return await this.reload();
    } catch (cause) {
      if (this.#kept !== undefined && this.#now() - this.#kept.at < bearable) return this.#kept.record;
      throw new SutureError("unavailable", "The record of changes cannot be read", { cause });
    }
  }

  /** Reads the record again, strongly consistent: at least as new as the moment of the call. */
  async reload(): Promise<ChangeRecord> {
    // A read that began before this call may be older than what the caller knows of, so it is waited for, not shared
    if (this.#reading !== undefined) await this.#reading.catch(() => undefined);
    this.#reading ??= this.#load();
    return await this.#reading;
  }

  async #load(): Promise<ChangeRecord> {
    const at = this.#now();
    try {
      const record = await this.#read({ consistent: true });
      this.#kept = { record, at };
      return record;
    } finally {
      this.#reading = undefined;
    }
  }
}
