import { delegationsOf, filesOf, readMetadata, rootRolesOf, targetFileName } from "../../../protocol/trust/edit.ts";
import { parseJson } from "../../../protocol/wire/parse.ts";
import { PlanKeys, planKeysPath } from "../../../protocol/wire/plan.ts";
import { serviceRepository } from "../../jobs/service-repository.ts";
import type { Blobs } from "../../stores/blobs/blobs.ts";
import type { Published, RepositoriesStore } from "../../stores/repositories.ts";
import type { AcceptedRole, RolesStore } from "../../stores/roles.ts";

const hour = 3_600_000;
const day = 24 * hour;

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

/** One signed role, and whose keys sign it. `expires` in milliseconds since the epoch. */
export type SignedRole = {
  repository: string;
  role: string;
  version: number;
  expires: number;
  keys: number;
  threshold: number;
};
export type Ending = "fine" | "ends-in-60-days" | "ends-in-30-days" | "ends-in-7-days" | "ended";

/** Every role that is signed by hand or by a job of these repositories' own, what ends first at the top. */
export async function signedRoles(names: readonly string[], roles: RolesStore): Promise<SignedRole[]> {
  const found = await Promise.all(names.map(async (name) => rolesOf(name, await roles.listAll(name))));
  return found.flat().toSorted((a, b) => a.expires - b.expires);
}

/** How near an end is: owners hear of it at 60, 30 and 7 days. */
export function endingOf(expires: number, now: number): Ending {
  const left = expires - now;
  if (left <= 0) return "ended";
  if (left <= 7 * day) return "ends-in-7-days";
  if (left <= 30 * day) return "ends-in-30-days";
  return left <= 60 * day ? "ends-in-60-days" : "fine";
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

function rolesOf(repository: string, accepted: readonly AcceptedRole[]): SignedRole[] {
  const body = (role: string) => accepted.find((each) => each.role === role)?.body;
  const [root, targets] = [body("root"), body("targets")];
  const top = root === undefined ? undefined : rootRolesOf(readMetadata("root", root).signed);
  const delegated = targets === undefined ? [] : delegationsOf(readMetadata("targets", targets).signed);
  return accepted.map(({ role, version, body: text }) => {
    const { expires } = readMetadata(role === "root" ? "root" : "targets", text).signed;
    const by =
      role === "root" || role === "targets" ? top?.[role] : delegated.find((delegation) => delegation.role === role);
    return {
      repository,
      role,
      version,
      expires: Date.parse(expires),
      keys: by?.keys.length ?? 0,
      threshold: by?.threshold ?? 0,
    };
  });
}
