import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { ifPresent } from "../system/proc.ts";

/**
 * The newest kernel of the running one's flavour that is installed on this host and newer than it; since when, in seconds since the epoch. A
 * container sees its image's kernels or none, so the one that runs must be installed, too.
 */
export function waitingKernel(running: string, root = "/"): HostFacts["waitingKernel"] {
  const installed = ifPresent(() => readdirSync(join(root, "lib/modules"))) ?? [];
  if (!installed.includes(running)) return undefined;
  const newer = installed.flatMap((release) => {
    const image = ifPresent(() => statSync(join(root, `boot/vmlinuz-${release}`)));
    return image !== undefined && flavourOf(release) === flavourOf(running) && compareReleases(release, running) > 0
      ? [{ release, since: Math.floor(image.mtimeMs / 1000) }]
      : [];
  });
  return newer.sort((one, other) => compareReleases(other.release, one.release))[0];
}

/**
 * The flavour of a kernel by its release, such as `generic`, `cloudamd` or `elx+debug`: what is left without versions and the
 * distribution's own numbers. Several may be installed beside each other, and the one that runs was chosen.
 */
function flavourOf(release: string): string {
  return release.replace(/(?<![a-z])(?:rc|deb|bpo|el|fc|amzn|mga|lp|ubuntu)\d+|[\d._~-]+/g, "");
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
