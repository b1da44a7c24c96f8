import { createHash } from "node:crypto";
import { z } from "zod";
import { SutureError } from "../../../protocol/errors.ts";
import { Name } from "../../../protocol/wire/names.ts";
import { parseJson } from "../../../protocol/wire/parse.ts";
import { RoleAccepted, RoleName, RoleUpdate, UploadsAnswer } from "../../../protocol/wire/vendor.ts";
import type { Blobs } from "../../stores/blobs/blobs.ts";
import { bundleKey } from "../../vendor-api/uploads.ts";
import type { Service } from "../service.ts";
import { texts } from "../texts.ts";

/** What `suture publish --out` writes: the next version of a role, signed, and the files that it names. */
const SignedUpdate = z.object({ repository: Name, role: RoleName, ...RoleUpdate.shape });

export type Upload = { update: string; bundles: readonly Uint8Array[] };

/**
 * Publishes what a vendor signed on a machine of its own, as `suture publish` would: asks which bundles are missing, keeps those, and
 * sends the metadata, which vendor-api judges.
 * @param vendor who is signed in
 * @throws SutureError `invalid-request` for a file that is no update, or another vendor's; what vendor-api refuses
 */
export async function publishUpload(
  vendor: string,
  { update, bundles }: Upload,
  { service, blobs }: { service: Service; blobs: Blobs },
): Promise<RoleAccepted & { stored: number }> {
  const { repository, role, ...body } = parseJson(SignedUpdate, update, texts.publish.update);
  if (repository !== vendor) throw new SutureError("invalid-request", texts.publish.otherVendor(repository));
  const stored = bundles.length === 0 ? 0 : await storeMissing(vendor, bundles, { service, blobs });
  const path = `/v1/vendors/${vendor}/metadata/${role}`;
  return { ...(await service.call("PUT", path, RoleAccepted, body)), stored };
}

async function storeMissing(
  vendor: string,
  bundles: readonly Uint8Array[],
  { service, blobs }: { service: Service; blobs: Blobs },
): Promise<number> {
  const byDigest = new Map(bundles.map((bytes) => [createHash("sha256").update(bytes).digest("hex"), bytes]));
  const { uploads } = await service.call("POST", `/v1/vendors/${vendor}/uploads`, UploadsAnswer, {
    bundles: [...byDigest].map(([sha256, bytes]) => ({ sha256, size: bytes.length })),
  });
  const missing = uploads.filter(({ present }) => !present);
  for (const { sha256 } of missing) {
    const bytes = byDigest.get(sha256);
    if (bytes !== undefined) await blobs.put(bundleKey(sha256), bytes);
  }
  return missing.length;
}
