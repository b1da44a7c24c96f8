import { createHash, randomBytes } from "node:crypto";
import type { PublishQueue } from "../../functions/jobs/queue.ts";
import {
  admitVendor,
  foundService,
  type ServiceSigners,
  serviceRepository,
} from "../../functions/jobs/service-repository.ts";
import type { ApiTokensStore } from "../../functions/stores/api-tokens.ts";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";
import type { RolesStore } from "../../functions/stores/roles.ts";
import { SutureError } from "../../protocol/errors.ts";

export type CeremonyDeps = {
  roles: RolesStore;
  blobs: Blobs;
  queue: PublishQueue;
  /** milliseconds since the epoch */
  now: () => number;
};

/** Founds the service's repository and has it published. Where it stands already only that. */
export async function found(signers: ServiceSigners, deps: CeremonyDeps): Promise<void> {
  await foundService(signers, deps);
  await deps.queue.send({ repository: serviceRepository });
}

/**
 * Lets agents trust a vendor: its first root becomes a target of the service's `vendors` role, which two offline keys sign.
 * @throws SutureError `not-found` where the vendor has sent no root yet
 */
export async function admit(vendor: string, signers: ServiceSigners, deps: CeremonyDeps): Promise<void> {
  const root = await deps.roles.root(vendor, 1);
  if (root === undefined) throw new SutureError("not-found", `${vendor} has sent no root yet`);
  await admitVendor(vendor, root.body, signers, deps);
  await deps.queue.send({ repository: serviceRepository });
}

/** Makes an operator's API token, which is shown this once. @param days until it expires */
export async function issueOperatorToken(
  { apiTokens, now }: { apiTokens: ApiTokensStore; now: () => number },
  { label, days }: { label: string; days: number },
): Promise<string> {
  const token = `suture-api.${randomBytes(32).toString("base64url")}`;
  await apiTokens.create({
    hash: createHash("sha256").update(token).digest("hex"),
    principal: { kind: "operator", tenant: "service", role: "operator" },
    label,
    createdAt: now(),
    expiresAt: now() + days * 86_400_000,
  });
  return token;
}
