import { execFile } from "node:child_process";
import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeError, SutureError } from "../../protocol/errors.ts";
import { freeBytes } from "../system/disk.ts";
import { renameDurably } from "../system/files.ts";
import { ifPresent } from "../system/proc.ts";

/** Where a release lies in its tarball (docs/adr/0052). */
const insideTarball = "usr/lib/suture-agent";
/** A release takes three times its tarball, beside which it is unpacked; the host keeps as much again. */
const roomFactor = 6;

/** The folder of releases that self-update owns: `releases/VERSION`, and `current`, a link to the one that the launcher starts. */
export type ReleasesFolder = {
  /** where a release lies */
  pathOf(version: string): string;
  /**
   * Unpacks a release's verified tarball, which stands under its name once it is whole and on the disk.
   * @throws SutureError `bundle-mismatch` for what holds no such release; `no-space` where there is no room
   */
  unpack(version: string, tarball: Uint8Array): Promise<void>;
  /** The folder that `current` names; undefined where it is not there: the package's own release starts then. */
  current(): string | undefined;
  /** Has `current` name a folder, at once and for good; null takes it away. */
  point(to: string | null): void;
  /** Removes every release but these folders, and what a killed agent left half unpacked. */
  prune(keep: readonly string[]): void;
};

/** Opens the folder. Nothing is made before there is something to put there. */
export function releasesFolder(root: string): ReleasesFolder {
  const link = join(root, "current");
  /** By its own name, as a release that runs has found its folder (release.sh), whatever links lead there. */
  const releases = () => {
    const place = join(root, "releases");
    return ifPresent(() => realpathSync(place)) ?? place;
  };
  const pathOf = (version: string) => join(releases(), version);

  return {
    pathOf,
    async unpack(version, tarball) {
      mkdirSync(join(root, "releases"), { recursive: true });
      const place = releases();
      // Whatever the unit's umask: everybody starts the release that counts
      for (const each of [root, place]) chmodSync(each, 0o755);
      if (freeBytes(place) < tarball.length * roomFactor)
        throw new SutureError("no-space", `There is no room for a release in ${place}`);
      const part = join(place, `.${version}.part`);
      const file = `${part}.tar.gz`;
      try {
        rmSync(part, { recursive: true, force: true });
        mkdirSync(part, { mode: 0o755 });
        writeFileSync(file, tarball, { mode: 0o600 });
        // The host's own: what it unpacks was verified before, and it needs no memory of ours
        await promisify(execFile)("tar", ["-xzf", file, "-C", part, "--no-same-owner"]);
        const found = join(part, insideTarball);
        const says = ifPresent(() => readFileSync(join(found, "VERSION"), "utf8").trim());
        if (says !== version)
          throw new SutureError("bundle-mismatch", `The tarball holds release ${says ?? "none"}, not ${version}`);
        syncAll(found);
        rmSync(pathOf(version), { recursive: true, force: true });
        renameDurably(found, pathOf(version));
      } catch (cause) {
        if (cause instanceof SutureError) throw cause;
        throw new SutureError("bundle-mismatch", `The tarball cannot be unpacked: ${describeError(cause)}`, { cause });
      } finally {
        for (const left of [file, part]) rmSync(left, { recursive: true, force: true });
      }
    },
    current: () => ifPresent(() => readlinkSync(link)),
    point(to) {
      if (to === null) rmSync(link, { force: true });
      else {
        const draft = `${link}.new`;
        rmSync(draft, { force: true });
        symlinkSync(to, draft);
        renameDurably(draft, link);
      }
    },
    prune(keep) {
      for (const name of ifPresent(() => readdirSync(releases())) ?? []) {
        const path = pathOf(name);
        if (!keep.includes(path)) rmSync(path, { recursive: true, force: true });
      }
    },
  };
}

/** Has everything below a folder on the disk: a release that the power cut made of holes would start for ever in vain. */
function syncAll(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const file = openSync(join(entry.parentPath, entry.name), "r");
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }
}
