import { SutureError } from "../../protocol/errors.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import type { CheckInAnswer, CheckInRequest, MetadataVersions } from "../../protocol/wire/check-in.ts";
import { type PatchRef, patchPath, roleName } from "../../protocol/wire/names.ts";
import { planKeysPath } from "../../protocol/wire/plan.ts";
import { operatorRecallsPath, vendorStopsPath } from "../../protocol/wire/recalls.ts";
import type { ChangeRecord } from "../domain/poll.ts";
import { KeptByScope } from "../kept-by-scope.ts";
import { streamScopes } from "../plan-inputs.ts";

/** Reads a public file of a repository (`timestamp.json`, `7.snapshot.json`); `undefined` where there is none. */
export type ReadPublicFile = (repository: string, name: string) => Promise<string | undefined>;

type Channel = Pick<PatchRef, "vendor" | "product" | "channel">;
/** A patch of a plan; `isNew` where the machine never had it, so that it has not read what is signed of it either. */
type Wanted = PatchRef & { isNew: boolean };
/** The record of changes, and those of its scopes whose changes make what is kept too old. */
type Asked = { record: ChangeRecord; scopes: readonly string[] };

/** Versioned files never change, so they are kept; this many of them at most. */
const keptFiles = 500;
/**
 * A timestamp is signed anew every few hours though nothing else changed, so one is kept for a while, unless what is wanted of its
 * repository changes: the service's for a minute, since new plan keys must get around, a vendor's for an hour. Milliseconds.
 */
const keptMillis = { service: 60_000, vendor: 3_600_000 };
/** A target that is longer is left to the CDN: an agent keeps none for its next check-in either. Bytes. */
const longestTarget = 65_536;
/** The service's targets that every machine reads, where their roles are news: path → role. */
const ofService = [
  [planKeysPath, "plan-keys"],
  [operatorRecallsPath, "recalls"],
  [vendorStopsPath, "recalls"],
] as const;
/** Files of a few kilobytes: a timestamp and the root that is not there yet, of each repository. */
const keptCurrents = 2000;

/**
 * Gathers the metadata files that a machine lacks, and the targets that its plan makes it read, so that a check-in needs no further
 * request. Only a hint: the agent verifies what it is given, fetches what is missing, and fetches all where what it was given does not
 * verify.
 */
export class MetadataHints {
  readonly #read: ReadPublicFile;
  readonly #now: () => number;
  readonly #kept = new Map<string, string>();
  readonly #currents = new KeptByScope<string | undefined>(keptCurrents);

  /** @param now milliseconds since the epoch */
  constructor(read: ReadPublicFile, now: () => number) {
    this.#read = read;
    this.#now = now;
  }

  /**
   * @param has the versions that the machine holds, by repository
   * @param held the patches that it has: their vendors' timestamps tell it that nothing else is new
   * @param wanted the patches of its plan: their vendors' roles are looked at too
   * @param record the record of changes as it was before the plan was made
   */
  async lackedBy(
    has: CheckInRequest["metadata"],
    { held, wanted }: { held: readonly Channel[]; wanted: readonly Wanted[] },
    record: ChangeRecord,
  ): Promise<CheckInAnswer["metadata"]> {
    const roles = new Map<string, Set<string>>([["service", new Set(["plan-keys", "vendors", "recalls"])]]);
    for (const { vendor, product, channel } of wanted)
      roles.set(vendor, (roles.get(vendor) ?? new Set()).add(roleName(product, channel)));
    for (const { vendor } of held) if (has[vendor] !== undefined) roles.set(vendor, roles.get(vendor) ?? new Set());
    const scopes = [...held, ...wanted].flatMap(({ vendor, product, channel }) =>
      streamScopes(`${vendor}/${product}/${channel}`),
    );
    const answers = [...roles].map(async ([repository, names]) => {
      const versions = has[repository] ?? { root: 1, timestamp: 0 };
      const files = await this.#newer(repository, versions, [...names], { record, scopes });
      return [repository, { ...files, ...(await this.#targetsOf(repository, files, wanted)) }] as const;
    });
    return Object.fromEntries((await Promise.all(answers)).filter(([, files]) => Object.keys(files).length > 0));
  }

  /**
   * The text of a repository's target as it is public now, or was within this minute; undefined where the role names none.
   * @throws SutureError `unavailable`
   */
  async target(repository: string, role: string, path: string, record: ChangeRecord): Promise<string | undefined> {
    const timestamp = await this.#current(repository, "timestamp.json", { record, scopes: [] });
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

  /** A file that another may take the place of. */
  #current(repository: string, name: string, { record, scopes }: Asked): Promise<string | undefined> {
    const period = Math.floor(this.#now() / (repository === "service" ? keptMillis.service : keptMillis.vendor));
    return this.#currents.get(`${repository}/${name} ${period}`, record, scopes, () => this.#read(repository, name));
  }

  async #newer(
    repository: string,
    has: MetadataVersions,
    roles: readonly string[],
    asked: Asked,
  ): Promise<Record<string, string>> {
    const timestamp = await this.#current(repository, "timestamp.json", asked);
    if (timestamp === undefined) return {};
    const signed = signedPart(timestamp);
    if (signed.version < has.timestamp) return {};
    const files: Record<string, string> = { "timestamp.json": timestamp };
    for (let next = has.root + 1; ; next++) {
      const name = `${next}.root.json`;
      const root = await this.#current(repository, name, asked);
      if (root === undefined) break;
      files[name] = root;
    }
    const version = signed.meta["snapshot.json"]?.version;
    const snapshotName = `${version}.snapshot.json`;
    const snapshot = await this.#versioned(repository, snapshotName);
    if (snapshot === undefined) return files;
    const { meta } = signedPart(snapshot);
    if (version !== has.snapshot) files[snapshotName] = snapshot;
    // What a snapshot names a machine has with it, but for a vendor's roles, of which it has those that it needed
    const held = await this.#rolesOf(repository, has.snapshot);
    for (const role of ["targets", ...roles]) {
      const of = meta[`${role}.json`];
      const isHeld = of?.version === held[`${role}.json`]?.version && (repository === "service" || role === "targets");
      if (of === undefined || isHeld) continue;
      const name = `${of.version}.${role}.json`;
      const text = await this.#versioned(repository, name);
      if (text !== undefined) files[name] = text;
    }
    return files;
  }

  /** What an older snapshot names; nothing for none. */
  async #rolesOf(repository: string, snapshot = 0): Promise<SignedPart["meta"]> {
    const text = snapshot === 0 ? undefined : await this.#versioned(repository, `${snapshot}.snapshot.json`);
    return text === undefined ? {} : signedPart(text).meta;
  }

  /** What a machine reads next of the targets that the roles among `files` name. */
  async #targetsOf(
    repository: string,
    files: Readonly<Record<string, string>>,
    wanted: readonly Wanted[],
  ): Promise<Record<string, string>> {
    const names = Object.keys(files);
    const isHeld = !names.some((name) => name.endsWith(".snapshot.json"));
    const found: Record<string, string> = {};
    for (const [path, role] of readNext(repository, wanted, isHeld)) {
      const target = targetsIn(files[names.find((name) => name.endsWith(`.${role}.json`)) ?? ""])[path];
      if (target?.hashes.sha256 === undefined || target.length > longestTarget) continue;
      const name = targetFileName(path, target.hashes.sha256);
      const text = await this.#versioned(repository, name);
      if (text !== undefined) found[name] = text;
    }
    return found;
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

/**
 * The targets that a machine reads before it does what its plan says, path → role: the keys of plans, who and what was stopped, and of
 * a patch its manifest and its channel's recalls. What it has read it keeps.
 * @param isHeld whether its snapshot of the repository is the newest
 */
function readNext(repository: string, wanted: readonly Wanted[], isHeld: boolean): ReadonlyMap<string, string> {
  const found = new Map<string, string>(repository === "service" ? ofService : []);
  for (const ref of wanted) {
    if (ref.vendor !== repository || (isHeld && !ref.isNew)) continue;
    const role = roleName(ref.product, ref.channel);
    if (ref.isNew) found.set(`${patchPath(ref)}.json`, role);
    found.set(`${ref.product}/${ref.channel}/recalls.json`, role);
  }
  return found;
}

/** The targets of a role, none of one that is not there; as `signedPart`. */
function targetsIn(
  text: string | undefined,
): Readonly<Record<string, { length: number; hashes: { sha256?: string } }>> {
  if (text === undefined) return {};
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
