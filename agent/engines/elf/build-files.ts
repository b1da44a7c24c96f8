import { buildIdOf, buildOf, longestRead } from "../../../protocol/build-id.ts";
import { isSutureError } from "../../../protocol/errors.ts";
import { type ForeignFile, withMappedFile } from "../../system/foreign-file.ts";
import type { Mapping } from "../../system/mappings.ts";
import { hostShare, shareOf } from "../../system/trust-domain.ts";

/** Knows which build a file is. Each is read once, until somebody changes it. */
export type BuildFiles = {
  /** The build of a mapping's file; null for a file that is none, undefined where it cannot be read now. */
  buildOf(pid: number, mapping: Mapping): string | null | undefined;
};

/** Files that are remembered; a host has some thousand. */
const maxKnown = 32_768;
/**
 * A build without a build-id is known by its code, all of which is read for it. For each share of this host so many bytes in so many
 * milliseconds, or one user's files would keep the agent from its work; for the host's own there is no limit.
 */
const budget = { bytes: 256 * 1024 * 1024, period: 300_000 };
/** Each read takes the place of the one before: thousands of files are read, and a buffer for each would stay for long. */
const buffer = Buffer.alloc(longestRead);

/** @param now milliseconds since any moment */
export function createBuildFiles(now: () => number): BuildFiles {
  const known = new Map<string, string | null>();
  const spent = new Map<string, { since: number; bytes: number }>();

  /** Undefined where the share of the process's owner is used up. */
  const digestOf = (pid: number, file: ForeignFile): string | null | undefined => {
    const share = shareOf(pid);
    if (share === undefined) return undefined;
    const before = spent.get(share);
    const used = before !== undefined && now() - before.since < budget.period ? before : { since: now(), bytes: 0 };
    spent.set(share, used);
    if (spent.size > maxKnown) spent.clear();
    let isOver = false;
    const build = buildOf((offset, length) => {
      used.bytes += length;
      isOver ||= share !== hostShare && used.bytes > budget.bytes;
      return isOver ? buffer.subarray(0, 0) : file.read(buffer, offset, length);
    });
    return isOver ? undefined : build;
  };

  const identify = (pid: number, file: ForeignFile): string | null | undefined => {
    const before = known.get(file.identity);
    if (before !== undefined) return before;
    const build = buildIdOf((offset, length) => file.read(buffer, offset, length)) ?? digestOf(pid, file);
    if (build === undefined) return undefined;
    known.set(file.identity, build);
    const [oldest] = known.keys();
    if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
    return build;
  };

  return {
    buildOf(pid, mapping) {
      try {
        return withMappedFile(pid, mapping, (file) => identify(pid, file));
      } catch (error) {
        if (isSutureError(error, "unsupported")) return null;
        // gone, none of ours, or of a file system that fails: of no other process does that say anything
        if (error instanceof Error && "code" in error) return undefined;
        throw error;
      }
    },
  };
}
