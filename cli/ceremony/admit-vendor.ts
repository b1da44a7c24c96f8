import { SutureError } from "../../protocol/errors.ts";
import { digestOf, filesOf, newTargets, readMetadata, signMetadata } from "../../protocol/trust/edit.ts";
import { vendorRootPath } from "../../protocol/wire/plan.ts";
import { carryOut, newProposal, type Outcome, type Place } from "./carry-out.ts";
import { valid } from "./next-metadata.ts";
import { newestText } from "./repository.ts";

/**
 * Lets agents trust a vendor: its first root becomes a file of the service's role `vendors`.
 * @returns what it came to; undefined where the vendor is admitted already
 * @throws SutureError `conflict` where another root of it is
 */
export async function admitVendor(place: Place, vendor: string, root: string): Promise<Outcome | undefined> {
  const { repository, now } = place;
  const by = await newestText(repository, "targets");
  const current = (await repository.newest("vendors"))?.text;
  const before = current === undefined ? undefined : readMetadata("targets", current).signed;
  const files = new Map(before === undefined ? [] : filesOf(before));
  const path = vendorRootPath(vendor);
  const digest = digestOf(Buffer.from(root));
  const known = files.get(path);
  if (known?.sha256 === digest.sha256) return undefined;
  if (known !== undefined)
    throw new SutureError("conflict", `Agents trust another first root of ${vendor}, ${known.sha256}`);
  files.set(path, digest);
  const heading = { version: (before?.version ?? 0) + 1, expires: new Date(now.getTime() + valid.role) };
  const text = await signMetadata(newTargets(heading, files), []);
  const why = `Trust the vendor ${vendor}, whose first root has the SHA-256 ${digest.sha256}`;
  return await carryOut(place, newProposal(place, { role: "vendors", why, by, text, files: { [path]: root } }));
}
