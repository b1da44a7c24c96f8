import type { Metadata, Root, Targets } from "@tufjs/models";
import { SutureError } from "../../protocol/errors.ts";
import { acceptRole, acceptRoot, acceptTargets } from "../../protocol/trust/accept.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import type { RoleAccepted, RoleUpdate } from "../../protocol/wire/vendor.ts";
import type { AcceptedRole } from "../stores/roles.ts";
import type { Vendor } from "../stores/vendors.ts";
import type { VendorApiDeps } from "./deps.ts";
import { requireEvidence } from "./evidence.ts";
import { checkFiles, storeFiles } from "./role-files.ts";

/** A year and a little: nothing that a vendor signs is valid for longer (design: "Trust"). */
const longestValidity = 400 * 86_400_000;

type Accepted = ReadonlyMap<string, AcceptedRole>;

/**
 * Takes the next version of a role that the vendor signed: verifies it against what was accepted before, and every file that it
 * names; keeps the files, then the role; asks the publish job to make it public. The same text again changes nothing.
 * @param by the sign-in's label
 * @throws SutureError `conflict` with data `{ version }` when it is not the next; `invalid-metadata`, `bad-signature`, `not-found`
 * for a role that is not delegated, and what `checkFiles` and `requireEvidence` throw
 */
export async function acceptUpdate(
  { vendor, onlineKeys }: Vendor,
  role: string,
  { text, files = {}, override }: RoleUpdate,
  { by, ...deps }: VendorApiDeps & { by: string },
): Promise<RoleAccepted> {
  const accepted: Accepted = new Map((await deps.roles.listAll(vendor)).map((each) => [each.role, each]));
  const current = accepted.get(role);
  const { version, expires } = readMetadata(role === "root" ? "root" : "targets", text).signed;
  if (current?.body !== text) {
    refuseOtherThanNext(role, version, current?.version ?? 0);
    refuseExpiry(role, Date.parse(expires), deps.now().getTime());
    const online = { snapshot: onlineKeys.snapshot.key, timestamp: onlineKeys.timestamp.key };
    if (role === "root") verifyRoot(text, accepted, online);
    else if (role === "targets") verifyTargets(text, accepted);
    else {
      const metadata = acceptRole(text, role, newestTargets(accepted));
      const texts = await checkFiles(vendor, metadata.signed, { current, files }, deps);
      if (override === undefined) await requireEvidence(vendor, texts, deps);
      await storeFiles(vendor, texts, deps.blobs);
    }
    await deps.roles.accept({ vendor, role, version, body: text, acceptedAt: deps.now().getTime(), by });
  }
  await deps.queue.send({ repository: vendor });
  return { role, version, ...(override !== undefined && { override }) };
}

function verifyRoot(text: string, accepted: Accepted, online: Parameters<typeof acceptRoot>[2]): void {
  const root = acceptRoot(text, accepted.get("root")?.body, online);
  const targets = accepted.get("targets");
  if (targets !== undefined) keepsVerifying("targets", () => acceptTargets(targets.body, root));
}

function verifyTargets(text: string, accepted: Accepted): void {
  const targets = acceptTargets(text, newestRoot(accepted));
  for (const { role, body } of accepted.values()) {
    if (targets.signed.delegations?.roles?.[role] !== undefined) {
      keepsVerifying(role, () => acceptRole(body, role, targets));
    }
  }
}

/** Clients would refuse the whole repository from the moment that it is public until the role is signed anew. */
function keepsVerifying(role: string, verify: () => unknown): void {
  try {
    verify();
  } catch (cause) {
    const detail = `The ${role} that is public would no longer verify: add the new key, sign ${role} with it, then take the old key away`;
    throw new SutureError("invalid-metadata", detail, { cause });
  }
}

function newestRoot(accepted: Accepted): Metadata<Root> {
  const root = accepted.get("root");
  if (root === undefined) throw new SutureError("invalid-metadata", "The root comes before anything else");
  return readMetadata("root", root.body);
}

function newestTargets(accepted: Accepted): Metadata<Targets> {
  const targets = accepted.get("targets");
  if (targets === undefined)
    throw new SutureError("invalid-metadata", "targets, which delegates, comes before its roles");
  return readMetadata("targets", targets.body);
}

function refuseOtherThanNext(role: string, version: number, current: number): void {
  if (version === current + 1) return;
  throw new SutureError("conflict", `${role} is at version ${current}, so ${version} cannot follow`, {
    data: { version: current },
  });
}

function refuseExpiry(role: string, expires: number, now: number): void {
  if (expires > now && expires <= now + longestValidity) return;
  throw new SutureError("invalid-metadata", `${role} must expire later than now and within 400 days`);
}
