import { SutureError } from "../protocol/errors.ts";
import { PatchId, parsePatchId, roleName } from "../protocol/wire/names.ts";
import { parseJson } from "../protocol/wire/parse.ts";
import { Recalls } from "../protocol/wire/patch.ts";
import type { PatchesStore } from "./state/patches.ts";
import type { Trust } from "./trust.ts";

/** Where the service's `recalls` role keeps the operator's own recalls; there `patch` is the whole patch id. */
const serviceRecallsPath = "recalls/recalls.json";

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
  const { vendor, product, channel } = parsePatchId(patch);
  const stream = `${product}/${channel}`;
  const ofVendor = await trust.vendor(vendor, [roleName(product, channel)]);
  const byVendor = namesIn(await ofVendor.read(`${stream}/recalls.json`)).map((name) => `${vendor}/${stream}/${name}`);
  const byOperator = namesIn(await (await trust.service()).read(serviceRecallsPath));
  // A name that no patch can have says nothing, and must not keep the others from being learned and kept
  patches.addRecalled([...byVendor, ...byOperator].filter((name) => PatchId.safeParse(name).success));
  return patches.recalled().has(patch);
}

/**
 * Refuses to apply what a signed recall names, whatever the plan says: who signs plans must not bring back what was withdrawn.
 * @throws SutureError `recalled`, or what trust throws
 */
export async function refuseRecalled(...[patch, trust, patches]: Parameters<typeof isRecalled>): Promise<void> {
  if (await isRecalled(patch, trust, patches)) throw new SutureError("recalled", `A signed recall names ${patch}`);
}

function namesIn(text: string | undefined): string[] {
  if (text === undefined) return [];
  return parseJson(Recalls, text, "recalls.json", "untrusted-metadata").recalls.map(({ patch }) => patch);
}
