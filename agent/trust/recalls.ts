import { SutureError } from "../../protocol/errors.ts";
import { PatchId, parsePatchId, roleName } from "../../protocol/wire/names.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { Recalls } from "../../protocol/wire/patch.ts";
import { OperatorRecalls, operatorRecallsPath, VendorStops, vendorStopsPath } from "../../protocol/wire/recalls.ts";
import type { PatchesStore } from "../state/patches.ts";
import type { Trust } from "./trust.ts";

/**
 * Whether a signed recall names this patch: the vendor's, in the patch's own role, or the operator's. What is learned is kept, and a
 * known recall needs no network.
 * @throws SutureError what trust throws
 */
export async function isRecalled(
  patch: string,
  trust: Trust,
  patches: Pick<PatchesStore, "recalled" | "addRecalled">,
): Promise<boolean> {
  if (patches.recalled().has(patch)) return true;
  // A name that no patch can have says nothing, and must not keep the others from being learned and kept
  const learn = (names: readonly string[]) =>
    patches.addRecalled(names.filter((name) => PatchId.safeParse(name).success));
  // The operator's first: they hold though the vendor's own repository is lost or in a thief's hands
  learn(namesIn(await (await trust.service()).read(operatorRecallsPath), OperatorRecalls));
  if (patches.recalled().has(patch)) return true;
  const { vendor, product, channel } = parsePatchId(patch);
  const stream = `${product}/${channel}`;
  const ofStream = await (await trust.vendor(vendor, [roleName(product, channel)])).read(`${stream}/recalls.json`);
  learn(namesIn(ofStream, Recalls).map((name) => `${vendor}/${stream}/${name}`));
  return patches.recalled().has(patch);
}

/**
 * Refuses to apply what a signed recall names, whatever the plan says: who signs plans must not bring back what was withdrawn.
 * @throws SutureError `recalled`, or what trust throws
 */
export async function refuseRecalled(...[patch, trust, patches]: Parameters<typeof isRecalled>): Promise<void> {
  if (await isRecalled(patch, trust, patches)) throw new SutureError("recalled", `A signed recall names ${patch}`);
}

/**
 * Refuses to apply anything new of a vendor that the operator stopped, whatever the plan says.
 * @throws SutureError `vendor-stopped`, or what trust throws
 */
export async function refuseStopped(patch: string, trust: Trust): Promise<void> {
  const { vendor } = parsePatchId(patch);
  const text = await (await trust.service()).read(vendorStopsPath);
  if (text === undefined) return;
  const { stops } = parseJson(VendorStops, text, vendorStopsPath, "untrusted-metadata");
  const newest = stops.findLast((each) => each.vendor === vendor);
  if (newest?.stopped) throw new SutureError("vendor-stopped", `The operator stopped ${vendor}: ${newest.reason}`);
}

function namesIn(text: string | undefined, schema: typeof Recalls | typeof OperatorRecalls): string[] {
  if (text === undefined) return [];
  return parseJson(schema, text, "recalls.json", "untrusted-metadata").recalls.map(({ patch }) => patch);
}
