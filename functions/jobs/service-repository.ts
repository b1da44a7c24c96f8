import { isSutureError } from "../../protocol/errors.ts";
import {
  type Delegation,
  digestOf,
  type FileDigest,
  filesOf,
  newRoot,
  newTargets,
  type RoleKeys,
  readMetadata,
  signMetadata,
} from "../../protocol/trust/edit.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { offlinePlanKeysPath } from "../../protocol/wire/offline.ts";
import { type PlanKeys, planKeysPath, vendorRootPath } from "../../protocol/wire/plan.ts";
import type { Blobs } from "../stores/blobs/blobs.ts";
import type { RolesStore } from "../stores/roles.ts";

/** The service's own repository stands beside the vendors' under this name, which no vendor may have. */
export const serviceRepository = "service";
const day = 86_400_000;
const rootValid = 365 * day;
const roleValid = 180 * day;
const clockTolerance = 10 * 60_000;

/** Who signs the service's roles. The offline ones are several people's keys, 2 of which must sign (design: "Trust"). */
export type ServiceSigners = {
  root: readonly Signer[];
  targets: readonly Signer[];
  snapshot: Signer;
  timestamp: Signer;
  planKeys: Signer;
  recalls: Signer;
  agent: readonly Signer[];
  vendors: readonly Signer[];
};

type Deps = { roles: RolesStore; blobs: Blobs; now: () => number };

/**
 * Founds the service's repository: root, targets and its four roles. Where it stands already nothing is done.
 * The publish job makes it public.
 */
export async function foundService(signers: ServiceSigners, deps: Deps): Promise<void> {
  const expires = (valid: number) => new Date(deps.now() + valid);
  const root = newRoot(
    { version: 1, expires: expires(rootValid) },
    {
      root: ofTwo(signers.root),
      targets: ofTwo(signers.targets),
      snapshot: ofOne(signers.snapshot),
      timestamp: ofOne(signers.timestamp),
    },
  );
  const delegations: Delegation[] = [
    { role: "plan-keys", pathPrefix: "plan-keys/", ...ofOne(signers.planKeys) },
    { role: "recalls", pathPrefix: "recalls/", ...ofOne(signers.recalls) },
    { role: "agent", pathPrefix: "agent/", ...ofTwo(signers.agent) },
    { role: "vendors", pathPrefix: "vendors/", ...ofTwo(signers.vendors) },
  ];
  const targets = newTargets({ version: 1, expires: expires(rootValid) }, new Map(), delegations);
  await acceptFirst("root", await signMetadata(root, signers.root), deps);
  await acceptFirst("targets", await signMetadata(targets, signers.targets), deps);
}

/** Puts a vendor's first root among those that agents may trust; answers whether it was not there before. */
export async function admitVendor(
  vendor: string,
  rootText: string,
  signers: ServiceSigners,
  deps: Deps,
): Promise<boolean> {
  return await editRole("vendors", signers.vendors, new Map([[vendorRootPath(vendor), rootText]]), deps);
}

/** Makes plan keys known to agents; answers whether they were not before. */
export async function announcePlanKeys(
  keys: PlanKeys,
  signers: Pick<ServiceSigners, "planKeys">,
  deps: Deps,
): Promise<boolean> {
  return await editRole("plan-keys", [signers.planKeys], new Map([[planKeysPath, JSON.stringify(keys)]]), deps);
}

/** Makes the keys of offline plans known to agents; answers whether they were not before. */
export async function announceOfflinePlanKeys(
  keys: PlanKeys,
  signers: Pick<ServiceSigners, "planKeys">,
  deps: Deps,
): Promise<boolean> {
  return await editRole("plan-keys", [signers.planKeys], new Map([[offlinePlanKeysPath, JSON.stringify(keys)]]), deps);
}

/**
 * Says what the operator recalls and stops, and says it again in time, long before the role would expire; answers whether there was
 * anything to say.
 */
export async function announceRecalls(
  files: ReadonlyMap<string, string>,
  signers: Pick<ServiceSigners, "recalls">,
  deps: Deps,
): Promise<boolean> {
  const current = await deps.roles.get(serviceRepository, "recalls");
  // one that was signed while this clock was ahead would be valid for longer than it may
  const age = deps.now() - (current?.acceptedAt ?? deps.now());
  const isOld = age >= roleValid / 2 || age < -clockTolerance;
  return await editRole("recalls", [signers.recalls], files, deps, isOld);
}

async function editRole(
  role: string,
  signers: readonly Signer[],
  changed: ReadonlyMap<string, string>,
  deps: Deps,
  again = false,
): Promise<boolean> {
  const current = await deps.roles.get(serviceRepository, role);
  const files =
    current === undefined ? new Map<string, FileDigest>() : filesOf(readMetadata("targets", current.body).signed);
  const news = [...changed].filter(([path, text]) => files.get(path)?.sha256 !== digestOf(Buffer.from(text)).sha256);
  if (news.length === 0 && !again) return false;
  for (const [path, text] of news) {
    const bytes = Buffer.from(text);
    files.set(path, digestOf(bytes));
    await deps.blobs.put(`tuf/${serviceRepository}/${targetFileName(path, digestOf(bytes).sha256)}`, bytes);
  }
  const version = (current?.version ?? 0) + 1;
  const metadata = newTargets({ version, expires: new Date(deps.now() + roleValid) }, files);
  const body = await signMetadata(metadata, signers);
  await deps.roles.accept({ vendor: serviceRepository, role, version, body, acceptedAt: deps.now(), by: "service" });
  return true;
}

async function acceptFirst(role: string, body: string, { roles, now }: Deps): Promise<void> {
  try {
    await roles.accept({ vendor: serviceRepository, role, version: 1, body, acceptedAt: now(), by: "service" });
  } catch (error) {
    if (!isSutureError(error, "conflict")) throw error;
  }
}

function ofOne(signer: Signer): RoleKeys {
  return { keys: [signer.key], threshold: 1 };
}

function ofTwo(signers: readonly Signer[]): RoleKeys {
  return { keys: signers.map((signer) => signer.key), threshold: 2 };
}
