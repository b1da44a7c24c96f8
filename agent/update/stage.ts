import { describeError, SutureError } from "../../protocol/errors.ts";
import {
  AgentArch,
  AgentReleases,
  agentReleasesPath,
  agentTarballPath,
  isNewer,
  maxAgentTarball,
} from "../../protocol/wire/agent-release.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import type { Agent } from "../agent.ts";
import type { Trust } from "../trust/trust.ts";

/**
 * Gets the release that a plan names, if operators signed it for this host and it is newer than the one that runs, and puts it on the disk for
 * trial. Whatever is wrong with it is said and keeps the agent from nothing: the release that runs goes on.
 * @returns its version; undefined where there is nothing to be tried
 */
export async function stageRelease(
  { updates, refusals, emit }: Pick<Agent, "updates" | "refusals" | "emit">,
  version: string,
  trust: Trust,
  arch: string,
): Promise<string | undefined> {
  if (updates === null || updates.hasFailed(version) || version === updates.running.version) return undefined;
  try {
    if (!isNewer(version, updates.running.version))
      throw new SutureError(
        "rollback-detected",
        `Release ${version} is older than ${updates.running.version}, which runs`,
      );
    await updates.stage(version, await verifiedTarball(version, trust, arch));
    emit({ event: "agent-update", version, step: "staged" });
    return version;
  } catch (error) {
    const code = error instanceof SutureError ? error.code : "internal";
    refusals.note({ of: "release", name: version }, error);
    emit({ event: "agent-update-failed", version, code, detail: describeError(error) });
    return undefined;
  }
}

/** A release's tarball for this architecture, as the role `agent` names it. @throws SutureError */
async function verifiedTarball(version: string, trust: Trust, arch: string): Promise<Uint8Array> {
  const repository = await trust.service(["agent"]);
  const text = await repository.read(agentReleasesPath);
  if (text === undefined)
    throw new SutureError("untrusted-metadata", `The service's metadata names no ${agentReleasesPath}`);
  const { releases } = parseJson(AgentReleases, text, agentReleasesPath, "untrusted-metadata");
  const release = releases.find((each) => each.version === version);
  if (release === undefined) throw new SutureError("untrusted-metadata", `Nobody signed a release ${version}`);
  if (release.withdrawn !== undefined)
    throw new SutureError("recalled", `Release ${version} is withdrawn: ${release.withdrawn}`);
  const { data: own } = AgentArch.safeParse(arch);
  if (own === undefined || !release.arches.includes(own))
    throw new SutureError("not-applicable", `Release ${version} is not for ${arch}`);
  const tarball = await repository.bytes(agentTarballPath(version, own), maxAgentTarball);
  if (tarball === undefined)
    throw new SutureError("untrusted-metadata", `Nobody signed release ${version} for ${arch}`);
  return tarball;
}
