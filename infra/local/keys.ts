import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceSigners } from "../../functions/jobs/service-repository.ts";
import { createFileSigner, loadFileSigner } from "../../functions/signers/file.ts";
import { isSutureError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/trust/signer.ts";
import type { ServiceKeys } from "../../protocol/wire/service.ts";

type OfflineRole = "root" | "targets" | "agent" | "vendors";
const offlineRoles: readonly OfflineRole[] = ["root", "targets", "agent", "vendors"];

/**
 * The offline keys of a service's repository, two of each, as files in one folder, made where they are not there yet. In production
 * the two are on two people's own media and meet only for a ceremony (docs/deploy.md).
 */
export async function offlineSigners(folder: string): Promise<Pick<ServiceSigners, OfflineRole>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const pairs = offlineRoles.map(async (role) => {
    const pair = [1, 2].map((number) => loadOrCreate(join(folder, `${role}-${number}.pem`)));
    return [role, await Promise.all(pair)] as const;
  });
  return Object.fromEntries(await Promise.all(pairs)) as Record<OfflineRole, Signer[]>;
}

/** All keys of an embedded service's own repository, as files in one folder, made at the first start: one person plays every part. */
export async function serviceSigners(folder: string): Promise<ServiceSigners> {
  const offline = await offlineSigners(folder);
  const one = (name: string) => loadOrCreate(join(folder, `${name}.pem`));
  const [snapshot, timestamp, planKeys, recalls] = await Promise.all([
    one("snapshot"),
    one("timestamp"),
    one("plan-keys"),
    one("recalls"),
  ]);
  return { ...offline, snapshot, timestamp, planKeys, recalls };
}

/** The public halves of the keys that the service itself holds. */
export function publicHalves({ snapshot, timestamp, planKeys, recalls }: ServiceSigners): ServiceKeys {
  return { snapshot: snapshot.key, timestamp: timestamp.key, planKeys: planKeys.key, recalls: recalls.key };
}

async function loadOrCreate(path: string): Promise<Signer> {
  try {
    return await loadFileSigner(path);
  } catch (error) {
    if (!isSutureError(error, "not-found")) throw error;
    return await createFileSigner(path);
  }
}
