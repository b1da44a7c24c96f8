import { isSameDomain, type TrustDomain, trustDomainOf } from "../../system/trust-domain.ts";
import type { ProcessId } from "./memory.ts";

/** A process of a build, and whose it is. */
export type Candidate = { process: ProcessId; domain: TrustDomain };

export const sameDomain = isSameDomain;

/** Whether a domain is that of this agent: root's on this host, where it runs as root. */
export function isOwnDomain(domain: TrustDomain): boolean {
  const own = trustDomainOf(process.pid);
  return own !== null && isSameDomain(own, domain);
}

/**
 * Processes in the order in which they are worked on: those of the agent's own domain first, so that no other can keep them waiting; of each
 * domain the oldest first, so that what is born meanwhile has its parent's patch. Those that are gone are left out.
 */
export function inOrder(processes: readonly ProcessId[]): Candidate[] {
  const candidates = processes.flatMap((process) => {
    const domain = trustDomainOf(process.pid);
    return domain === null ? [] : [{ process, domain, isOwn: isOwnDomain(domain) }];
  });
  const age = ({ process }: Candidate) => Number(process.startTime);
  return candidates
    .sort((one, other) => Number(other.isOwn) - Number(one.isOwn) || age(one) - age(other))
    .map(({ process, domain }) => ({ process, domain }));
}
