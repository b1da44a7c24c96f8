import { readlinkSync } from "node:fs";
import { ifReadable, livingThread, processDirectory, threadStatus } from "./proc.ts";

/**
 * Who is responsible for a process. Two processes are in one trust domain where all three are the same: what one does then says something
 * of the other, and neither may be believed about a process of another domain.
 */
export type TrustDomain = {
  /** the user as this agent's namespace numbers it; of a program with more than one (setuid), the one that is not root */
  uid: number;
  /** inode number of the user namespace; empty where it cannot be read */
  userNamespace: string;
  /** inode number of the pid namespace, of which every container has one; empty where it cannot be read */
  container: string;
};

/**
 * The trust domain of a process; null where it is gone.
 *
 * A process that runs with another user's rights still obeys the user who started it (signals, limits, files that are open), so it is in
 * that user's domain. @see credentials(7), namespaces(7)
 */
export function trustDomainOf(pid: number): TrustDomain | null {
  const users = (threadStatus(pid, livingThread(pid) ?? pid).get("Uid") ?? "").split(/\s+/).filter(Boolean).map(Number);
  const [real] = users;
  if (real === undefined) return null;
  const directory = processDirectory(pid);
  const namespace = (name: string) =>
    /\[(\d+)\]/.exec(ifReadable(() => readlinkSync(`${directory}/ns/${name}`)) ?? "")?.[1] ?? "";
  return {
    uid: users.find((user) => user !== 0) ?? real,
    userNamespace: namespace("user"),
    container: namespace("pid"),
  };
}

/** Whether two are the same domain. */
export function isSameDomain(one: TrustDomain, other: TrustDomain): boolean {
  return one.uid === other.uid && one.userNamespace === other.userNamespace && one.container === other.container;
}

/** The share of this host's own root, and of the agent where that is not root. */
export const hostShare = "host";
/** Users whose numbers were given to a user's namespaces, in ranges of this size as a rule (subuid(5)). */
const rangeOfNumbers = 65_536;

/**
 * Whose share of what is bounded a process counts for; undefined where it is gone. One user cannot have more shares than one by making
 * namespaces or taking the numbers that were given to its namespaces: a share is a user of this host, a range of such numbers, or a
 * container that root has made.
 */
export function shareOf(pid: number): string | undefined {
  ownDomain ??= trustDomainOf(process.pid);
  const own = ownDomain;
  const domain = trustDomainOf(pid);
  if (domain === null || own === null) return undefined;
  if (isSameDomain(domain, own) || (domain.uid === 0 && isSameDomain({ ...own, uid: 0 }, domain))) return hostShare;
  const { uid, userNamespace, container } = domain;
  if (userNamespace === own.userNamespace && container !== own.container) return `container ${container}`;
  return uid < rangeOfNumbers ? `uid ${uid}` : `uids from ${uid - (uid % rangeOfNumbers)}`;
}

let ownDomain: TrustDomain | null | undefined;
