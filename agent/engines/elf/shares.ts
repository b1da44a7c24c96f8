import type { HostFacts } from "../../../protocol/wire/host.ts";
import { hostShare } from "../../system/trust-domain.ts";

type Build = HostFacts["builds"][number];
/** A build that runs, and whose processes run it. */
export type Running = Build & { shares: ReadonlySet<string> };

/** Facts hold no more builds than this (protocol/wire/host.ts), and no more bytes of them, so that a check-in is never too long to be taken. */
const bounds = { builds: 4096, bytes: 1024 * 1024 };

/**
 * The builds that this host reports where it cannot report all. Those that patches ask for come first, then what the host's own processes
 * run; the rest is dealt out to the other users and containers one by one, so that none of them hides another's.
 *
 * @returns what is left out, by share
 */
export function dealOut(
  running: readonly Running[],
  wanted: ReadonlySet<string>,
): { builds: Build[]; leftOut: ReadonlyMap<string, number> } {
  const builds: Build[] = [];
  const leftOut = new Map<string, number>();
  let bytes = 0;
  for (const { shares, ...build } of inOrder(running, wanted)) {
    bytes += Buffer.byteLength(JSON.stringify(build)) + 1;
    if (builds.length < bounds.builds && bytes <= bounds.bytes) builds.push(build);
    else for (const share of shares) leftOut.set(share, (leftOut.get(share) ?? 0) + 1);
  }
  return { builds, leftOut };
}

function inOrder(running: readonly Running[], wanted: ReadonlySet<string>): Iterable<Running> {
  const ordered = new Set(running.filter(({ buildId }) => wanted.has(buildId)));
  for (const each of running) if (each.shares.has(hostShare)) ordered.add(each);
  const queues = new Map<string, Running[]>();
  for (const each of running) {
    for (const share of each.shares) {
      const queue = queues.get(share) ?? [];
      queue.push(each);
      queues.set(share, queue);
    }
  }
  for (let turn = 0; ordered.size < running.length; turn++) {
    for (const queue of queues.values()) {
      const next = queue[turn];
      if (next) ordered.add(next);
    }
  }
  return ordered;
}
