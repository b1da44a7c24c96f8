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
