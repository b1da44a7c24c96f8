import { type AgentRelease, type AgentRing, isNewer } from "../../protocol/wire/agent-release.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";

/**
 * Which release of the agent a machine should change to: the newest that its ring may have, for its architecture, and newer than
 * what it runs. What failed there is not tried again, nor is anything older than that in its stead.
 * @param ring `never` for machines whose customer sees to it by other means
 * @param now milliseconds since the epoch
 * @returns its version; undefined where the machine is to stay with what it has
 */
export function releaseFor(
  { agent, arch, failedUpdate }: Pick<HostFacts, "agent" | "arch" | "failedUpdate">,
  ring: AgentRing | "never",
  releases: readonly AgentRelease[],
  now: number,
): string | undefined {
  if (ring === "never") return undefined;
  const least = failedUpdate !== undefined && isNewer(failedUpdate.version, agent) ? failedUpdate.version : agent;
  const open = releases.filter(
    ({ version, arches, opens, withdrawn }) =>
      withdrawn === undefined &&
      Date.parse(opens[ring]) <= now &&
      arches.some((each) => each === arch) &&
      isNewer(version, least),
  );
  return open.reduce<string | undefined>(
    (newest, { version }) => (newest === undefined || isNewer(version, newest) ? version : newest),
    undefined,
  );
}
