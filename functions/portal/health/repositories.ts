import { filesOf, readMetadata } from "../../../protocol/trust/edit.ts";
import { targetFileName } from "../../../protocol/trust/target-file.ts";
import { parseJson } from "../../../protocol/wire/parse.ts";
import { PlanKeys, planKeysPath } from "../../../protocol/wire/plan.ts";
import { type SignedRole, signedRolesOf } from "../../domain/expiry.ts";
import { serviceRepository } from "../../jobs/service-repository.ts";
import type { Blobs } from "../../stores/blobs/blobs.ts";
import type { Published, RepositoriesStore } from "../../stores/repositories.ts";
import type { RolesStore } from "../../stores/roles.ts";

const hour = 3_600_000;

/** What the publish job last signed of a repository. */
export type RepositoryHealth = { repository: string; published: Published | undefined };
export type Freshness = "fresh" | "late" | "expired" | "unpublished";

/** The publish state of repositories. */
export async function healthOf(names: readonly string[], repositories: RepositoriesStore): Promise<RepositoryHealth[]> {
  return await Promise.all(
    names.map(async (repository) => ({ repository, published: await repositories.published(repository) })),
  );
}

/** How fresh a timestamp is: signed again every 8 hours, an alarm from 16 on, refused after 72 (design: "Trust"). */
export function freshnessOf({ published }: RepositoryHealth, now: number): Freshness {
  if (published === undefined) return "unpublished";
  const age = now - published.signedAt;
  if (age > 72 * hour) return "expired";
  return age > 16 * hour ? "late" : "fresh";
}

/** Every role that is signed by hand or by a job of these repositories' own, what ends first at the top. */
export async function signedRoles(names: readonly string[], roles: RolesStore): Promise<SignedRole[]> {
  const found = await Promise.all(names.map(async (name) => signedRolesOf(name, await roles.listAll(name))));
  return found.flat().toSorted((a, b) => a.expires - b.expires);
}

/** The plan keys that agents were told of; empty before the first. */
export async function announcedPlanKeys(roles: RolesStore, blobs: Blobs): Promise<PlanKeys["keys"]> {
  const role = await roles.get(serviceRepository, "plan-keys");
  const digest = role && filesOf(readMetadata("targets", role.body).signed).get(planKeysPath);
  if (digest === undefined) return [];
  const file = await blobs.get(`tuf/${serviceRepository}/${targetFileName(planKeysPath, digest.sha256)}`);
  if (file === undefined) return [];
  return parseJson(PlanKeys, Buffer.from(file.bytes).toString("utf8"), planKeysPath, "internal").keys;
}
