import { z } from "zod";
import { Instant } from "./names.ts";

/** `1.20.3`: three numbers without leading zeros, and nothing after them. */
const releaseVersion = /^(?:0|[1-9]\d{0,5})(?:\.(?:0|[1-9]\d{0,5})){2}$/;
export const ReleaseVersion = z.string().regex(releaseVersion, "a version such as 1.20.3");

/** Who gets a release of the agent when: each ring is a customer's choice for its machines (policy), `all` being everybody's. */
export const AgentRing = z.enum(["canary", "early", "all"]);
export type AgentRing = z.infer<typeof AgentRing>;

/** A machine's architecture as uname(1) -m spells it. */
export const AgentArch = z.enum(["x86_64", "aarch64"]);
export type AgentArch = z.infer<typeof AgentArch>;

/** A release of the agent, as operators sign it. Its tarballs are targets of their own, beside this file. */
export const AgentRelease = z.strictObject({
  version: ReleaseVersion,
  releasedAt: Instant,
  arches: z.array(AgentArch).min(1).max(2),
  /** when each ring may have it */
  opens: z.strictObject({ canary: Instant, early: Instant, all: Instant }),
  /** why no host is to change to it any more */
  withdrawn: z.string().min(1).max(500).optional(),
});
export type AgentRelease = z.infer<typeof AgentRelease>;

/** The target `agent/releases.json` of the service's repository: every release, in the order of their versions. It only grows. */
export const AgentReleases = z.strictObject({ releases: z.array(AgentRelease).min(1).max(150) });
export type AgentReleases = z.infer<typeof AgentReleases>;
export const agentReleasesPath = "agent/releases.json";
/** Where a release's tarball for one architecture is: docs/adr/0052 says what is in it. */
export const agentTarballPath = (version: string, arch: AgentArch) => `agent/suture-agent-${version}-${arch}.tar.gz`;
/** The largest tarball that agents take; bytes. */
export const maxAgentTarball = 128 * 1024 * 1024;

/** Whether a release is newer than another; anything that is no release's version is older than all of them. */
export function isNewer(version: string, than: string): boolean {
  const [one, other] = [numbersOf(version), numbersOf(than)];
  const at = one.findIndex((number, index) => number !== other[index]);
  return at >= 0 && (one[at] ?? 0) > (other[at] ?? 0);
}

function numbersOf(version: string): number[] {
  return releaseVersion.test(version) ? version.split(".").map(Number) : [-1, -1, -1];
}

/** `POST /v1/service/uploads` */
export const ReleaseUpload = z.strictObject({
  version: ReleaseVersion,
  arch: AgentArch,
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  size: z.number().int().min(1).max(maxAgentTarball),
});
