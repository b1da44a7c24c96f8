import { SutureError } from "../../protocol/errors.ts";
import { acceptRole, acceptServiceTargets } from "../../protocol/trust/accept.ts";
import { digestOf, filesOf, readMetadata } from "../../protocol/trust/edit.ts";
import { agentReleasesPath } from "../../protocol/wire/agent-release.ts";
import { vendorRootPath } from "../../protocol/wire/plan.ts";
import type { RoleAccepted, RoleUpdate } from "../../protocol/wire/vendor.ts";
import { serviceRepository } from "../jobs/service-repository.ts";
import { requireReleases } from "./agent-releases.ts";
import type { VendorApiDeps } from "./deps.ts";
import { newestTargets, requireNext, verifyRoot, verifyTargets } from "./next-version.ts";
import { storeFiles } from "./role-files.ts";

/** An agent's release note, a vendor's root. Bytes. */
const maxFileBytes = 512 * 1024;

/**
 * Takes the next version of a role of the service's own repository, which operators signed offline: verifies it against what was accepted
 * before, keeps the files that came with it, then the role; asks the publish job to make it public. The same text again changes nothing.
 * @param by the sign-in's label
 * @throws SutureError `conflict` with data `{ version }`, `invalid-metadata`, `bad-signature`, `invalid-request`
 */
export async function acceptServiceUpdate(
  role: string,
  { text, files = {} }: RoleUpdate,
  { by, ...deps }: VendorApiDeps & { by: string },
): Promise<RoleAccepted> {
  const accepted = new Map((await deps.roles.listAll(serviceRepository)).map((each) => [each.role, each]));
  const current = accepted.get(role);
  const { version } = readMetadata(role === "root" ? "root" : "targets", text).signed;
  if (current?.body !== text) {
    requireNext(role, text, current, deps.now().getTime());
    const online = await deps.serviceKeys();
    const accept: Parameters<typeof verifyTargets>[2] = (body, root) => acceptServiceTargets(body, root, online);
    if (role === "root") verifyRoot(text, accepted, online, accept);
    else if (role === "targets") verifyTargets(text, accepted, accept);
    else {
      const { signed } = acceptRole(text, role, newestTargets(accepted));
      const before = current === undefined ? new Map() : filesOf(readMetadata("targets", current.body).signed);
      const news = [...filesOf(signed)].filter(([path, { sha256 }]) => before.get(path)?.sha256 !== sha256);
      const small = role === "agent" ? news.filter(([path]) => path === agentReleasesPath) : news;
      const texts = new Map(small.map(([path, { sha256 }]) => [path, sentText(path, sha256, files)]));
      if (role === "vendors") await requireFirstRoots(texts, deps);
      if (role === "agent")
        await requireReleases({ named: filesOf(signed), before, text: texts.get(agentReleasesPath) }, deps.blobs);
      await storeFiles(serviceRepository, texts, deps.blobs);
    }
    const acceptedAt = deps.now().getTime();
    await deps.roles.accept({ vendor: serviceRepository, role, version, body: text, acceptedAt, by });
  }
  await deps.queue.send({ repository: serviceRepository });
  return { role, version };
}

function sentText(path: string, sha256: string, files: Readonly<Record<string, string>>): string {
  const sent = files[path];
  if (sent === undefined)
    throw new SutureError("invalid-request", `The text of ${path} is missing: send it in \`files\``);
  if (Buffer.byteLength(sent) > maxFileBytes) throw new SutureError("too-large", `${path} is larger than 512 KiB`);
  if (digestOf(Buffer.from(sent)).sha256 !== sha256)
    throw new SutureError("invalid-metadata", `The text of ${path} is not the one that is signed`);
  return sent;
}

/** Agents trust for ever what is named here, so that a slip of the hand must not pass: it is that vendor's own first root. */
async function requireFirstRoots(texts: ReadonlyMap<string, string>, { roles }: VendorApiDeps): Promise<void> {
  for (const [path, text] of texts) {
    const vendor = path.slice("vendors/".length, -".root.json".length);
    const root = path === vendorRootPath(vendor) ? await roles.root(vendor, 1) : undefined;
    if (root?.body !== text)
      throw new SutureError("invalid-metadata", `${path} is not the first root of a vendor here`);
  }
}
