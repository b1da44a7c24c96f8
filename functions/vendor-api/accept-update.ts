import { acceptRole, acceptTargets } from "../../protocol/trust/accept.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import type { RoleAccepted, RoleUpdate } from "../../protocol/wire/vendor.ts";
import { allowedIn } from "../domain/online-keys.ts";
import type { Vendor } from "../stores/vendors.ts";
import type { VendorApiDeps } from "./deps.ts";
import { requireEvidence } from "./evidence.ts";
import { type Accepted, newestTargets, requireNext, verifyRoot, verifyTargets } from "./next-version.ts";
import { publicHalves } from "./online-keys.ts";
import { checkPublications, storePublications } from "./publications.ts";
import { checkFiles, storeFiles } from "./role-files.ts";

/**
 * Takes the next version of a role that the vendor signed: verifies it against what was accepted before, and every file that it
 * names; keeps the files, then the role; asks the publish job to make it public. The same text again changes nothing.
 * @param by the sign-in's label
 * @throws SutureError `conflict` with data `{ version }` when it is not the next; `invalid-metadata`, `bad-signature`, `not-found`
 * for a role that is not delegated, and what `checkFiles` and `requireEvidence` throw
 */
export async function acceptUpdate(
  { vendor, ...held }: Vendor,
  role: string,
  { text, files = {}, publications, override }: RoleUpdate,
  { by, ...deps }: VendorApiDeps & { by: string },
): Promise<RoleAccepted> {
  const accepted: Accepted = new Map((await deps.roles.listAll(vendor)).map((each) => [each.role, each]));
  const current = accepted.get(role);
  const { version } = readMetadata(role === "root" ? "root" : "targets", text).signed;
  if (current?.body !== text) {
    requireNext(role, text, current, deps.now().getTime());
    if (role === "root") verifyRoot(text, accepted, publicHalves(allowedIn(text, current?.body, held)), acceptTargets);
    else if (role === "targets") verifyTargets(text, accepted, acceptTargets);
    else {
      const targets = newestTargets(accepted);
      const metadata = acceptRole(text, role, targets);
      const texts = await checkFiles(vendor, metadata.signed, { current, files }, deps);
      if (override === undefined) await requireEvidence(vendor, texts, deps);
      const statements = checkPublications(vendor, role, { texts, publications, targets });
      await storeFiles(vendor, texts, deps.blobs);
      await storePublications(statements, deps.blobs);
    }
    await deps.roles.accept({ vendor, role, version, body: text, acceptedAt: deps.now().getTime(), by });
  }
  await deps.queue.send({ repository: vendor });
  return { role, version, ...(override !== undefined && { override }) };
}
