import { SutureError } from "../../protocol/errors.ts";
import { matchingVariants } from "../../protocol/match.ts";
import type { CheckInAnswer } from "../../protocol/wire/check-in.ts";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { type PatchRef, parsePatchId, patchPath, roleName } from "../../protocol/wire/names.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Manifest, type Variant } from "../../protocol/wire/patch.ts";
import type { PlanAction } from "../../protocol/wire/plan.ts";
import type { VerifiedPatch } from "../engines/engine.ts";
import type { Service } from "../round/service.ts";
import type { Room } from "../state/room.ts";
import { downloadPayload } from "../trust/download.ts";
import type { Trust } from "../trust/trust.ts";

/** A patch that the plan and the vendor's metadata agree on, with the payloads for this host. Nothing was touched for it. */
export type ResolvedPatch = { patch: string; manifestSha256: string; manifest: Manifest; variants: VerifiedPatch[] };

export type ResolveDeps = {
  trust: Trust;
  facts: HostFacts;
  service: Pick<Service, "download" | "mirroredBundle">;
  downloads: CheckInAnswer["downloads"];
  room: Room;
};

/**
 * Turns a plan's word into a patch that may be applied: the vendor's metadata names the same manifest, the manifest is of that
 * patch and fits this host, and every payload is the one that was signed.
 * @throws SutureError `untrusted-metadata`, `metadata-expired`, `rollback-detected`, `invalid-patch`, `not-applicable`,
 *   `bundle-mismatch`, `no-space`, or what the network throws
 */
export async function resolvePatch(action: PlanAction & { do: "apply" }, deps: ResolveDeps): Promise<ResolvedPatch> {
  const ref = parsePatchId(action.patch);
  const manifest = await readManifest(ref, action.manifest, deps.trust);
  const fitting = matchingVariants(manifest, deps.facts);
  if (fitting.length === 0) throw new SutureError("not-applicable", `No variant of ${action.patch} fits this host`);
  deps.room(fitting.map(({ bundle }) => bundle.payload));
  const variants: VerifiedPatch[] = [];
  for (const variant of fitting) {
    const payload = await downloadPayload(deps.service, urlOf(variant, deps.downloads), variant);
    variants.push({ id: action.patch, variant, payload });
  }
  return { patch: action.patch, manifestSha256: action.manifest, manifest, variants };
}

/**
 * The manifest of a patch, if the vendor's metadata names the very one that was planned.
 * @throws SutureError `untrusted-metadata`, `invalid-patch`, or what trust throws
 */
export async function readManifest(ref: PatchRef, planned: string, trust: Trust): Promise<Manifest> {
  const path = `${patchPath(ref)}.json`;
  const repository = await trust.vendor(ref.vendor, [roleName(ref.product, ref.channel)]);
  if (repository.digest(path) !== planned) {
    throw new SutureError(
      "untrusted-metadata",
      `${ref.vendor}'s metadata does not name the manifest that the plan names for ${path}`,
    );
  }
  const text = await repository.read(path);
  const manifest = parseJson(Manifest, text ?? "", path, "invalid-patch");
  if (patchPath(manifest) !== patchPath(ref)) {
    throw new SutureError("invalid-patch", `${path} is the manifest of ${patchPath(manifest)}`);
  }
  return manifest;
}

function urlOf({ bundle }: Variant, downloads: CheckInAnswer["downloads"]): string | undefined {
  return Object.hasOwn(downloads, bundle.sha256) ? downloads[bundle.sha256] : undefined;
}
