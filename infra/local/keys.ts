import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { ServiceSigners } from "../../functions/jobs/service-repository.ts";
import { createFileSigner, loadFileSigner } from "../../functions/signers/file.ts";
import { isSutureError } from "../../protocol/errors.ts";
import type { Signer } from "../../protocol/trust/signer.ts";

/**
 * The keys of an embedded service's own repository, as files in one folder, made at the first start. In production the offline
 * ones are on their owners' machines and never meet; here one person plays all of them.
 */
export async function serviceSigners(folder: string): Promise<ServiceSigners> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const one = (name: string) => loadOrCreate(join(folder, `${name}.pem`));
  const two = (name: string) => Promise.all([one(`${name}-1`), one(`${name}-2`)]);
  const [root, targets, agent, vendors] = await Promise.all([
    two("root"),
    two("targets"),
    two("agent"),
    two("vendors"),
  ]);
  const [snapshot, timestamp, planKeys, recalls] = await Promise.all([
    one("snapshot"),
    one("timestamp"),
    one("plan-keys"),
    one("recalls"),
  ]);
  return { root, targets, snapshot, timestamp, planKeys, recalls, agent, vendors };
}

async function loadOrCreate(path: string): Promise<Signer> {
  try {
    return await loadFileSigner(path);
  } catch (error) {
    if (!isSutureError(error, "not-found")) throw error;
    return await createFileSigner(path);
  }
}
