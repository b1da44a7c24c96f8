import { SutureError } from "../../protocol/errors.ts";
import {
  digestOf,
  type FileDigest,
  filesOf,
  newTargets,
  readMetadata,
  signMetadata,
} from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import {
  type AgentArch,
  type AgentRelease,
  AgentReleases,
  agentReleasesPath,
  agentTarballPath,
  isNewer,
} from "../../protocol/wire/agent-release.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { type Client, send } from "../client.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { valid } from "./next-metadata.ts";
import { newestText, type Repository } from "./repository.ts";

/** The agent's releases as the service has them, and what the role `agent` names. */
type Released = { version: number; files: Map<string, FileDigest>; releases: AgentRelease[] };

/** Reads what is released now. @throws SutureError `unavailable`, `invalid-metadata` */
export async function readReleases(repository: Repository, { service }: Pick<Client, "service">): Promise<Released> {
  const text = (await repository.newest("agent"))?.text;
  if (text === undefined) return { version: 0, files: new Map(), releases: [] };
  const { signed } = readMetadata("targets", text);
  const files = filesOf(signed);
  const digest = files.get(agentReleasesPath);
  if (digest === undefined) return { version: signed.version, files, releases: [] };
  const response = await send(`${service}/tuf/service/${targetFileName(agentReleasesPath, digest.sha256)}`);
  const list = await response.text();
  if (!response.ok || digestOf(Buffer.from(list)).sha256 !== digest.sha256)
    throw new SutureError("unavailable", `${agentReleasesPath} cannot be read: ${response.status}`);
  const { releases } = parseJson(AgentReleases, list, agentReleasesPath, "invalid-metadata");
  return { version: signed.version, files, releases };
}

/** A new release: its tarballs, and how long after it the later rings get it, in hours. */
type NewRelease = {
  version: string;
  tarballs: ReadonlyMap<AgentArch, FileDigest>;
  afterHours: { early: number; all: number };
};

/**
 * Proposes a release of the agent.
 * @throws SutureError `already-exists` for one that is not newer than all before it
 */
export async function releaseAgent(
  place: Place,
  { version, tarballs, afterHours }: NewRelease,
  before: Released,
): Promise<Outcome> {
  const notNewer = before.releases.find((each) => !isNewer(version, each.version));
  if (notNewer !== undefined)
    throw new SutureError("already-exists", `${notNewer.version} is released: a new release has a higher version`);
  const opens = (hours: number) => new Date(place.now.getTime() + hours * 3_600_000).toISOString();
  const release: AgentRelease = {
    version,
    releasedAt: opens(0),
    arches: [...tarballs.keys()],
    opens: { canary: opens(0), early: opens(afterHours.early), all: opens(afterHours.all) },
  };
  const files = [...tarballs].map(([arch, digest]): [string, FileDigest] => [agentTarballPath(version, arch), digest]);
  const digests = [...tarballs].map(([arch, { sha256 }]) => `${arch} ${sha256}`).join(", ");
  const next = { ...before, releases: [...before.releases, release], files: new Map([...before.files, ...files]) };
  return await propose(place, `Release agent ${version}: ${digests}`, next);
}

/** Proposes that no host changes to a release any more. @throws SutureError `not-found`, `already-exists` */
export async function withdrawRelease(
  place: Place,
  { version, reason }: { version: string; reason: string },
  before: Released,
): Promise<Outcome> {
  const found = before.releases.find((each) => each.version === version);
  if (found === undefined) throw new SutureError("not-found", `There is no release ${version}`);
  if (found.withdrawn !== undefined)
    throw new SutureError("already-exists", `${version} is withdrawn: ${found.withdrawn}`);
  const releases = before.releases.map((each) => (each === found ? { ...each, withdrawn: reason } : each));
  return await propose(place, `Withdraw agent ${version}: ${reason}`, { ...before, releases });
}

async function propose(place: Place, why: string, { version, files, releases }: Released): Promise<Outcome> {
  const list = JSON.stringify({ releases } satisfies AgentReleases);
  const named = new Map([...files, [agentReleasesPath, digestOf(Buffer.from(list))] as const]);
  const heading = { version: version + 1, expires: new Date(place.now.getTime() + valid.role) };
  const text = await signMetadata(newTargets(heading, named), []);
  const by = await newestText(place.repository, "targets");
  return await carryOut(
    place,
    newProposal(place, { role: "agent", why, by, text, files: { [agentReleasesPath]: list } }),
  );
}
