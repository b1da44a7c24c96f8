import type { TargetFile } from "@tufjs/models";
import { BadVersionError, EqualVersionError, ExpiredMetadataError } from "tuf-js/dist/error.js";
import { TrustedMetadataStore } from "tuf-js/dist/store.js";
import { type Code, describeError, isSutureError, SutureError } from "../errors.ts";
import { refuseSharedKeys } from "./keys.ts";

/**
 * Gets a file of the repository by its name there (`2.root.json`, `timestamp.json`, `7.snapshot.json`); `undefined` where the
 * repository says that there is none. Throws for any other trouble, and for more than `maxBytes`.
 */
export type FetchMetadata = (name: string, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Verified metadata as it is kept between runs: role → the exact bytes. */
export type TrustedFiles = ReadonlyMap<string, Uint8Array>;

/** A target as the metadata describes it, and the role that does. */
export type TrustedTarget = { path: string; sha256: string; length: number; role: string };

/** Most that is read of each file, in bytes; a hostile repository cannot fill memory (TUF: endless data). */
const limits = { root: 512_000, timestamp: 16_384, snapshot: 2_000_000, targets: 5_000_000 } as const;
const maxRootRotations = 256;
const day = 86_400_000;
/**
 * How far ahead the online roles may expire, in milliseconds: twice what the service signs. Without a bound, who had those
 * keys for one signature could show every client the same moment for ever (TUF: indefinite freeze).
 */
const longestValid = { timestamp: 6 * day, snapshot: 14 * day } as const;
type LongestValid = Readonly<Record<keyof typeof longestValid, number>>;

/**
 * A TUF repository as one client trusts it. `refresh` follows the client workflow of the TUF specification 1.0.31, section 5;
 * tuf-js's trusted set decides each step. `files` grows only by what was verified: keep it after every refresh, failed ones too.
 */
export class TrustedRepository {
  readonly #files: Map<string, Uint8Array>;
  readonly #now: Date;
  readonly #longest: LongestValid;
  #set: TrustedMetadataStore;

  private constructor(files: TrustedFiles, now: Date, longest: LongestValid) {
    const root = files.get("root");
    if (root === undefined) throw new SutureError("untrusted-metadata", "There is no trusted root to begin with");
    this.#files = new Map(files);
    this.#now = now;
    this.#longest = longest;
    this.#set = trustedSet(root, now);
  }

  /**
   * Opens a repository from what was trusted before: at least `root`.
   * @param now decides every expiry; the caller's clock, or a later floor
   * @param longest how far ahead the online roles may expire, in milliseconds: another's repository may have other rules
   */
  static open(files: TrustedFiles, now: Date, longest: LongestValid = longestValid): TrustedRepository {
    return new TrustedRepository(files, now, longest);
  }

  get files(): TrustedFiles {
    return this.#files;
  }

  /** The versions that are trusted now; 0 for a role that is not known. */
  get versions(): { root: number; timestamp: number; snapshot: number } {
    return {
      root: this.#set.root.signed.version,
      timestamp: this.#set.timestamp?.signed.version ?? 0,
      snapshot: this.#set.snapshot?.signed.version ?? 0,
    };
  }

  /**
   * Brings root, timestamp, snapshot, targets and the named delegated roles up to date.
   * A role in `roles` that the repository does not delegate or publish is skipped; `target` then finds nothing in it.
   * @throws SutureError `untrusted-metadata`, `rollback-detected`, `metadata-expired`, or what `fetch` throws
   */
  async refresh(fetch: FetchMetadata, roles: readonly string[] = []): Promise<void> {
    this.#set = trustedSet(this.#files.get("root") ?? new Uint8Array(), this.#now);
    try {
      await this.#updateRoot(fetch);
      await this.#updateTimestamp(fetch);
      await this.#updateSnapshot(fetch);
      await this.#updateTargets(fetch, "targets", "root");
      for (const role of roles) {
        if (this.#isPublished(role)) await this.#updateTargets(fetch, role, "targets");
      }
    } catch (error) {
      throw isSutureError(error) ? error : refusal(error);
    }
  }

  /** Loads what was verified before, without any fetch, judged by today's clock. Throws as `refresh` does. */
  async load(roles: readonly string[] = []): Promise<void> {
    await this.refresh(
      (name) => Promise.resolve(name === "timestamp.json" ? this.#files.get("timestamp") : undefined),
      roles,
    );
  }

  /** The target of this path in the first loaded role that may speak for it, as section 5.6.7 orders them. */
  target(path: string): TrustedTarget | undefined {
    const top = this.#set.targets?.signed;
    if (top === undefined) return undefined;
    const own = top.targets[path];
    if (own !== undefined) return described(path, own, "targets");
    for (const { role, terminating } of top.delegations?.rolesForTarget(path) ?? []) {
      const found = this.#set.getRole(role)?.signed.targets[path];
      if (found !== undefined) return described(path, found, role);
      if (terminating) return undefined;
    }
    return undefined;
  }

  async #updateRoot(fetch: FetchMetadata): Promise<void> {
    for (let rotations = 0; rotations < maxRootRotations; rotations++) {
      const next = this.#set.root.signed.version + 1;
      const bytes = await fetch(`${next}.root.json`, limits.root);
      if (bytes === undefined) break;
      const root = this.#set.updateRoot(Buffer.from(bytes));
      refuseSharedKeys(root.signed.keys);
      this.#files.set("root", bytes);
    }
    this.#refuseUnreadableExpiry("root", this.#set.root.signed.expires);
  }

  async #updateTimestamp(fetch: FetchMetadata): Promise<void> {
    const kept = this.#files.get("timestamp");
    // What cannot be loaded any more is replaced: expired, or signed by a key that a newer root took away (section 5.3.11)
    if (kept !== undefined) attempt(() => this.#set.updateTimestamp(Buffer.from(kept)));
    const bytes = await fetch("timestamp.json", limits.timestamp);
    if (bytes === undefined) throw new SutureError("untrusted-metadata", "The repository has no timestamp.json");
    try {
      const timestamp = this.#set.updateTimestamp(Buffer.from(bytes));
      this.#refuseUnreadableExpiry("timestamp", timestamp.signed.expires);
      this.#refuseDistantExpiry("timestamp", timestamp.signed.expires);
      this.#files.set("timestamp", bytes);
    } catch (error) {
      if (!(error instanceof EqualVersionError)) throw error;
    }
  }

  async #updateSnapshot(fetch: FetchMetadata): Promise<void> {
    const kept = this.#files.get("snapshot");
    if (kept !== undefined && attempt(() => this.#set.updateSnapshot(Buffer.from(kept), true))) return;
    const meta = this.#set.timestamp?.signed.snapshotMeta;
    if (meta === undefined) throw new SutureError("untrusted-metadata", "The timestamp names no snapshot");
    const name = `${meta.version}.snapshot.json`;
    const bytes = await fetch(name, meta.length ?? limits.snapshot);
    if (bytes === undefined) throw new SutureError("untrusted-metadata", `The repository has no ${name}`);
    const snapshot = this.#set.updateSnapshot(Buffer.from(bytes));
    this.#refuseUnreadableExpiry("snapshot", snapshot.signed.expires);
    this.#refuseDistantExpiry("snapshot", snapshot.signed.expires);
    this.#files.set("snapshot", bytes);
  }

  async #updateTargets(fetch: FetchMetadata, role: string, delegator: string): Promise<void> {
    const kept = this.#files.get(role);
    if (kept !== undefined && attempt(() => this.#set.updateDelegatedTargets(Buffer.from(kept), role, delegator)))
      return;
    const meta = this.#set.snapshot?.signed.meta[`${role}.json`];
    if (meta === undefined) throw new SutureError("untrusted-metadata", `The snapshot does not name ${role}`);
    const name = `${meta.version}.${role}.json`;
    const bytes = await fetch(name, meta.length ?? limits.targets);
    if (bytes === undefined) throw new SutureError("untrusted-metadata", `The repository has no ${name}`);
    this.#set.updateDelegatedTargets(Buffer.from(bytes), role, delegator);
    const trusted = this.#set.getRole(role);
    this.#refuseUnreadableExpiry(role, trusted?.signed.expires ?? "");
    refuseSharedKeys(trusted?.signed.delegations?.keys ?? {});
    this.#files.set(role, bytes);
  }

  #isPublished(role: string): boolean {
    const delegated = this.#set.targets?.signed.delegations?.roles?.[role] !== undefined;
    return delegated && this.#set.snapshot?.signed.meta[`${role}.json`] !== undefined;
  }

  /** tuf-js compares dates, and nothing is later than a date that cannot be read: such metadata would never expire. */
  #refuseUnreadableExpiry(role: string, expires: string): void {
    if (Number.isNaN(Date.parse(expires)))
      throw new SutureError("untrusted-metadata", `The expiry of ${role} cannot be read`);
  }

  #refuseDistantExpiry(role: keyof typeof longestValid, expires: string): void {
    if (Date.parse(expires) > this.#now.getTime() + this.#longest[role])
      throw new SutureError("untrusted-metadata", `The expiry of ${role}, ${expires}, is too far ahead`);
  }
}

/** tuf-js takes the time from the system when it is made; ours comes from the caller. */
function trustedSet(root: Uint8Array, now: Date): TrustedMetadataStore {
  try {
    return Object.assign(new TrustedMetadataStore(Buffer.from(root)), { referenceTime: now });
  } catch (cause) {
    throw refusal(cause);
  }
}

function attempt(step: () => unknown): boolean {
  try {
    step();
    return true;
  } catch {
    return false;
  }
}

function described(path: string, file: TargetFile, role: string): TrustedTarget {
  return { path, sha256: file.hashes.sha256 ?? "", length: file.length, role };
}

function refusal(cause: unknown): SutureError {
  const code: Code =
    cause instanceof ExpiredMetadataError
      ? "metadata-expired"
      : cause instanceof BadVersionError
        ? "rollback-detected"
        : "untrusted-metadata";
  return new SutureError(code, `The repository's metadata is refused: ${describeError(cause)}`, { cause });
}
