import { SutureError } from "../../protocol/errors.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import type { CheckInAnswer, CheckInRequest } from "../../protocol/wire/check-in.ts";
import { type PatchRef, roleName } from "../../protocol/wire/names.ts";
import type { ChangeRecord } from "../domain/poll.ts";
import { KeptByScope } from "../kept-by-scope.ts";
import { streamScopes } from "../plan-inputs.ts";

/** Reads a public file of a repository (`timestamp.json`, `7.snapshot.json`); `undefined` where there is none. */
export type ReadPublicFile = (repository: string, name: string) => Promise<string | undefined>;

/** Versioned files never change, so they are kept; this many of them at most. */
const keptFiles = 500;
/**
 * A timestamp is signed anew every few hours though nothing else changed, so one is kept for the minute in which it was read, unless
 * what is wanted of its repository changes; of this many repositories at most.
 */
const keptTimestamps = 200;

/**
 * Gathers the metadata files that a machine lacks, so that a check-in with news needs no further request. Only a hint: the agent
 * verifies what it is given and fetches what is missing.
 */
export class MetadataHints {
  readonly #read: ReadPublicFile;
  readonly #now: () => number;
  readonly #kept = new Map<string, string>();
  readonly #timestamps = new KeptByScope<string | undefined>(keptTimestamps);

  /** @param now milliseconds since the epoch */
  constructor(read: ReadPublicFile, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /**
   * @param has the versions that the machine holds, by repository
   * @param wanted the patches of its plan: their vendors and roles are looked at
   * @param record the record of changes as it was before the plan was made
   */
  async lackedBy(
    has: CheckInRequest["metadata"],
    wanted: readonly Pick<PatchRef, "vendor" | "product" | "channel">[],
    record: ChangeRecord,
  ): Promise<CheckInAnswer["metadata"]> {
    const roles = new Map<string, Set<string>>([["service", new Set(["plan-keys", "vendors", "recalls"])]]);
    for (const { vendor, product, channel } of wanted) {
      const ofVendor = roles.get(vendor) ?? new Set();
      roles.set(vendor, ofVendor.add(roleName(product, channel)));
    }
    const scopes = wanted.flatMap(({ vendor, product, channel }) => streamScopes(`${vendor}/${product}/${channel}`));
    const answers = [...roles].map(async ([repository, names]) => {
      const timestamp = await this.#timestamp(repository, record, scopes);
      return [
        repository,
        await this.#newer(repository, timestamp, has[repository]?.timestamp ?? 0, [...names]),
      ] as const;
    });
    return Object.fromEntries((await Promise.all(answers)).filter(([, files]) => Object.keys(files).length > 0));
  }

  /**
   * The text of a repository's target as it is public now, or was within this minute; undefined where the role names none.
   * @throws SutureError `unavailable`
   */
  async target(repository: string, role: string, path: string, record: ChangeRecord): Promise<string | undefined> {
    const timestamp = await this.#timestamp(repository, record, []);
    if (timestamp === undefined) return undefined;
    const snapshot = await this.#versioned(
      repository,
      `${signedPart(timestamp).meta["snapshot.json"]?.version}.snapshot.json`,
    );
    const version = snapshot && signedPart(snapshot).meta[`${role}.json`]?.version;
    const text = version === undefined ? undefined : await this.#versioned(repository, `${version}.${role}.json`);
    const sha256 = text && targetsIn(text)[path]?.hashes.sha256;
    return sha256 ? await this.#versioned(repository, targetFileName(path, sha256)) : undefined;
  }

  #timestamp(repository: string, record: ChangeRecord, scopes: readonly string[]): Promise<string | undefined> {
    const minute = Math.floor(this.#now() / 60_000);
    return this.#timestamps.get(`${repository} ${minute}`, record, scopes, () =>
      this.#read(repository, "timestamp.json"),
    );
  }

  async #newer(
    repository: string,
    timestamp: string | undefined,
    version: number,
    roles: readonly string[],
  ): Promise<Record<string, string>> {
    if (timestamp === undefined) return {};
    const signed = signedPart(timestamp);
    if (signed.version <= version) return {};
    const files: Record<string, string> = { "timestamp.json": timestamp };
    const snapshotName = `${signed.meta["snapshot.json"]?.version}.snapshot.json`;
    const snapshot = await this.#versioned(repository, snapshotName);
    if (snapshot === undefined) return files;
    files[snapshotName] = snapshot;
    const { meta } = signedPart(snapshot);
    for (const role of ["targets", ...roles]) {
      const of = meta[`${role}.json`];
      if (of === undefined) continue;
      const name = `${of.version}.${role}.json`;
      const text = await this.#versioned(repository, name);
      if (text !== undefined) files[name] = text;
    }
    return files;
  }

  async #versioned(repository: string, name: string): Promise<string | undefined> {
    const key = `${repository}/${name}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const text = await this.#read(repository, name);
    if (text === undefined) return undefined;
    const [oldest] = this.#kept.keys();
    if (this.#kept.size >= keptFiles && oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, text);
    return text;
  }
}

/** The targets of a role; as `signedPart`. */
function targetsIn(text: string): Readonly<Record<string, { hashes: { sha256?: string } }>> {
  const { targets } = signedPart(text) as unknown as { targets?: ReturnType<typeof targetsIn> };
  return targets ?? {};
}

type SignedPart = { version: number; meta: Readonly<Record<string, { version: number }>> };

/**
 * What the publish job signed: read as it is, without TUF's own models, which are half of what a poll's function would carry.
 * @throws SutureError `unavailable` for a file that is damaged
 */
function signedPart(text: string): SignedPart {
  try {
    const { signed } = JSON.parse(text) as { signed: SignedPart };
    if (typeof signed.version !== "number") throw new TypeError("no version");
    return signed;
  } catch (cause) {
    throw new SutureError("unavailable", "The repository's public metadata cannot be read", { cause });
  }
}
