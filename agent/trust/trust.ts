import { describeError, isSutureError, SutureError } from "../../protocol/errors.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { type FetchMetadata, type TrustedFiles, TrustedRepository } from "../../protocol/trust/verify.ts";
import type { CheckInAnswer } from "../../protocol/wire/check-in.ts";
import { vendorRootPath } from "../../protocol/wire/plan.ts";
import type { Service } from "../round/service.ts";
import type { Enrolment } from "../state/identity.ts";
import type { RepositoriesStore } from "../state/repositories.ts";
import type { Refusals } from "./refusals.ts";

const serviceName = "service";
const serviceRoles = ["plan-keys", "vendors", "recalls"];
/** A manifest of 256 variants is far smaller; bytes. */
const maxTarget = 4 * 1024 * 1024;

/** Targets of one repository that are kept, the last that were fetched, and how long each may be. */
const mostKept = { targets: 20, length: 65_536 };

/** Where a repository's first root comes from, and the digest that it must have, where this host says so. */
type FirstRoot = { pin: string | undefined; read: () => Promise<Uint8Array> };

type Hints = CheckInAnswer["metadata"];

/** A repository as it is trusted now, and its targets, which are verified against it. */
type Trusted = {
  /** The SHA-256 of a target by its path; undefined where the metadata names none. */
  digest(path: string): string | undefined;
  /** A target's verified bytes, which may be so many; undefined where the metadata names none. Throws as `read` does. */
  bytes(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** A target's verified text; undefined where the metadata names none. Throws `untrusted-metadata` for other bytes. */
  read(path: string): Promise<string | undefined>;
};

/** Brings repositories up to date. Both throw what `TrustedRepository.refresh` throws. */
export type Trust = {
  /** The service's own repository, with more of its roles than every check-in needs. */
  service(more?: readonly string[]): Promise<Trusted>;
  /** A vendor's repository with these roles. Its first root is the one that the service's `vendors` role names. */
  vendor(vendor: string, roles: readonly string[]): Promise<Trusted>;
};

/** Vendor → `sha256:` and the digest of its first root; null where this host takes whom the service vouches for. */
export type VendorPins = Readonly<Record<string, string>> | null;

export type TrustDeps = {
  repositories: RepositoriesStore;
  service: Pick<Service, "publicFile" | "usesMirror">;
  /** by whose pinned root the service's metadata begins anew where what was kept is damaged */
  enrolment?: Pick<Enrolment, "serviceRoot">;
};

/**
 * Trust for the time of one check-in: each repository is refreshed at most once for a set of roles.
 * @param vendorPins whom this host believes beside the service; a vendor that is not among them is refused
 * @param hints files that the answer brought along; what is missing or does not verify is fetched
 * @param now decides every expiry
 */
export function openTrust(
  {
    repositories,
    enrolment,
    service,
    vendorPins,
    refusals,
  }: TrustDeps & { vendorPins: VendorPins; refusals: Pick<Refusals, "note" | "verified"> },
  hints: Hints,
  now: Date,
): Trust {
  const opened = new Map<string, Promise<Trusted>>();
  const once = (name: string, roles: readonly string[], first: FirstRoot) => {
    const key = [name, ...roles].join(" ");
    const known = opened.get(key);
    if (known !== undefined) return known;
    const opening = noted(name, () => open(name, roles, first));
    opened.set(key, opening);
    return opening;
  };

  async function noted<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      refusals.note({ of: "metadata", name }, error);
      throw error;
    }
  }

  async function open(name: string, roles: readonly string[], first: FirstRoot): Promise<Trusted> {
    const kept = repositories.read(name);
    const isKept = kept !== undefined && (first.pin === undefined || kept.firstRoot === first.pin);
    // A pin that came later: what is kept must follow from the pinned root, too, and still keeps out older versions
    const files = isKept ? kept.files : new Map([...(kept?.files ?? []), ["root", await first.read()]]);
    const firstRoot = isKept ? kept.firstRoot : pinOf(files.get("root"));
    const repository = TrustedRepository.open(files, now);
    const fetch: FetchMetadata = (file, maxBytes) => publicFile(name, file, maxBytes);
    // The hints have the roots after the newest one that is kept
    const isHinted = (kept === undefined || isKept) && Object.hasOwn(hints, name);
    const fromHints: FetchMetadata = async (file, maxBytes) => {
      const text = hintOf(name, file);
      // Whoever hints a timestamp hints the newer roots too, as a mirror would have them
      if (text === undefined && isRoot(file) && hintOf(name, "timestamp.json") !== undefined) return undefined;
      const bytes = text === undefined ? undefined : Buffer.from(text);
      return bytes !== undefined && bytes.length <= maxBytes ? bytes : await fetch(file, maxBytes);
    };
    try {
      if (!isHinted || !(await succeeds(repository.refresh(fromHints, roles)))) {
        await repository.refresh(fetch, roles);
      }
    } catch (error) {
      throw service.usesMirror() ? await judgeMirror(error, repository, fetch) : error;
    } finally {
      // What was verified before something failed is verified still: it keeps out older versions
      const targets = repositories.read(name)?.targets ?? new Map();
      repositories.write(name, { versions: repository.versions, firstRoot, files: repository.files, targets });
    }
    refusals.verified(name);
    const texts = new Map<string, Promise<string | undefined>>();
    return {
      digest: (path) => repository.target(path)?.sha256,
      bytes: (path, maxBytes) => readTarget(name, repository, path, maxBytes),
      read(path) {
        const text = texts.get(path) ?? noted(name, () => readText(name, repository, path));
        texts.set(path, text);
        text.catch(() => texts.delete(path));
        return text;
      },
    };
  }

  /**
   * Tells a mirror that was left alone from one that shows something else: what is old, but as it was signed, and has expired, is
   * stale. Whatever else does not verify is refused as it is anywhere.
   */
  async function judgeMirror(error: unknown, { files }: TrustedRepository, fetch: FetchMetadata): Promise<unknown> {
    const isOlder = isSutureError(error, "rollback-detected");
    const root = files.get("root");
    const expired = isOlder && root !== undefined ? await whyRefused(new Map([["root", root]]), fetch) : error;
    if (!isSutureError(expired, "metadata-expired")) return error;
    return new SutureError("mirror-stale", `The mirror is old: ${describeError(expired)}`, { cause: error });
  }

  async function whyRefused(files: TrustedFiles, fetch: FetchMetadata): Promise<unknown> {
    try {
      await TrustedRepository.open(files, now).refresh(fetch);
      return undefined;
    } catch (error) {
      return error;
    }
  }

  async function readTarget(
    name: string,
    repository: TrustedRepository,
    path: string,
    maxBytes: number,
  ): Promise<Uint8Array | undefined> {
    const target = repository.target(path);
    if (target === undefined) return undefined;
    if (target.length > maxBytes) throw new SutureError("untrusted-metadata", `${path} is too large to be read`);
    const file = targetFileName(path, target.sha256);
    const hinted = Buffer.from(hintOf(name, file) ?? "");
    if (digestOf(hinted).sha256 === target.sha256) return hinted;
    const bytes = await publicFile(name, file, target.length);
    if (bytes === undefined) throw new SutureError("untrusted-metadata", `${name} names ${path} but does not have it`);
    const { sha256, length } = digestOf(bytes);
    if (sha256 !== target.sha256 || length !== target.length) {
      throw new SutureError("untrusted-metadata", `${path} is not the file that ${name} signed`);
    }
    return bytes;
  }

  async function readText(name: string, repository: TrustedRepository, path: string): Promise<string | undefined> {
    const kept = repositories.read(name)?.targets.get(path);
    if (kept !== undefined && digestOf(Buffer.from(kept)).sha256 === repository.target(path)?.sha256) return kept;
    const bytes = await readTarget(name, repository, path, maxTarget);
    if (bytes === undefined) return undefined;
    const text = Buffer.from(bytes).toString("utf8");
    keepTarget(name, path, text);
    return text;
  }

  /** Keys and recalls are read at every check-in, and change seldom. */
  function keepTarget(name: string, path: string, text: string): void {
    const stored = repositories.read(name);
    if (stored === undefined || text.length > mostKept.length) return;
    const others = [...stored.targets].filter(([known]) => known !== path).slice(-mostKept.targets + 1);
    repositories.write(name, { ...stored, targets: new Map([...others, [path, text]]) });
  }

  function hintOf(name: string, file: string): string | undefined {
    const files = Object.hasOwn(hints, name) ? hints[name] : undefined;
    return files !== undefined && Object.hasOwn(files, file) ? files[file] : undefined;
  }

  async function publicFile(name: string, file: string, maxBytes: number): Promise<Uint8Array | undefined> {
    try {
      return await service.publicFile(name, file, maxBytes);
    } catch (cause) {
      if (!isSutureError(cause, "too-large")) throw cause;
      throw new SutureError("untrusted-metadata", `${file} of ${name} is longer than it may be`, { cause });
    }
  }

  const openService = (more: readonly string[] = []) =>
    once(serviceName, [...serviceRoles, ...more], {
      pin: undefined,
      async read() {
        if (enrolment?.serviceRoot === undefined)
          throw new SutureError("state-damaged", "The service's pinned root is missing from the state directory");
        return await firstServiceRoot(service, enrolment.serviceRoot);
      },
    });

  return {
    service: openService,
    async vendor(vendor, roles) {
      if (!isTaken(vendor, vendorPins))
        throw new SutureError(
          "untrusted-metadata",
          `This host takes patches of its own list of vendors, not ${vendor}'s`,
        );
      const pin = vendorPins?.[vendor];
      const read = async () => {
        const root = vendor === serviceName ? undefined : await (await openService()).read(vendorRootPath(vendor));
        if (root === undefined)
          throw new SutureError("untrusted-metadata", `The service vouches for no vendor ${vendor}`);
        const found = pinOf(Buffer.from(root));
        if (pin !== undefined && found !== pin)
          throw new SutureError("untrusted-metadata", `${vendor}'s first root is ${found}: this host pins ${pin}`);
        return Buffer.from(root);
      };
      return await once(vendor, roles, { pin, read });
    },
  };
}

/** Whether this host takes a vendor's patches at all. */
export function isTaken(vendor: string, pins: VendorPins): boolean {
  return pins === null || Object.hasOwn(pins, vendor);
}

function isRoot(file: string): boolean {
  return file.endsWith(".root.json");
}

function pinOf(root: Uint8Array | undefined): string {
  return `sha256:${digestOf(root ?? new Uint8Array()).sha256}`;
}

/**
 * Fetches and keeps the service's first root, if it is the one that an enrolment token pins.
 * @throws SutureError `untrusted-metadata` where another answers under the service's address
 */
export async function pinServiceRoot({ repositories, service }: TrustDeps, sha256: string): Promise<void> {
  const root = await firstServiceRoot(service, sha256);
  const versions = { root: 1, timestamp: 0 };
  repositories.write(serviceName, {
    versions,
    firstRoot: pinOf(root),
    files: new Map([["root", root]]),
    targets: new Map(),
  });
}

async function firstServiceRoot(service: TrustDeps["service"], sha256: string): Promise<Uint8Array> {
  const root = await service.publicFile(serviceName, "1.root.json", 512_000);
  if (root !== undefined && digestOf(root).sha256 === sha256) return root;
  throw new SutureError("untrusted-metadata", "The server does not hold the root that the enrolment token pins");
}

async function succeeds(work: Promise<void>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof SutureError) return false;
    throw error;
  }
}
