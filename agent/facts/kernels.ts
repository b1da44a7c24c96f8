import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { ifPresent } from "../system/proc.ts";

/**
 * The newest kernel that is installed on this host and newer than the one that runs; since when, in seconds since the epoch. A
 * container sees its image's kernels or none, so the one that runs must be installed, too.
 */
export function waitingKernel(running: string, root = "/"): HostFacts["waitingKernel"] {
  const installed = ifPresent(() => readdirSync(join(root, "lib/modules"))) ?? [];
  if (!installed.includes(running)) return undefined;
  const newer = installed.flatMap((release) => {
    const image = ifPresent(() => statSync(join(root, `boot/vmlinuz-${release}`)));
    return image !== undefined && compareReleases(release, running) > 0
      ? [{ release, since: Math.floor(image.mtimeMs / 1000) }]
      : [];
  });
  return newer.sort((one, other) => compareReleases(other.release, one.release))[0];
}

/** Orders releases as package managers do: numbers by value, the rest by letters. */
function compareReleases(one: string, other: string): number {
  const partsOf = (release: string): string[] => release.match(/\d+|[a-z]+/gi) ?? [];
  const [left, right] = [partsOf(one), partsOf(other)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [a = "", b = ""] = [left[at], right[at]];
    const order = /^\d/.test(a) && /^\d/.test(b) ? Number(a) - Number(b) : a.localeCompare(b);
    if (order !== 0) return order;
  }
  return 0;
}
