import type { Delegation } from "../../protocol/trust/edit.ts";
import type { TufKey } from "../../protocol/trust/signer.ts";
import { Channel, roleName } from "../../protocol/wire/names.ts";
import type { Outcome, Place } from "./carry-out.ts";
import { changeDelegations } from "./change-delegations.ts";
import { delegationsIn } from "./next-metadata.ts";

/**
 * Delegates a product's three channels to a publishing key, in the next version of the vendor's targets.
 * @returns what it came to; undefined where nothing was to be done
 * @throws SutureError `conflict` when somebody else changed targets at the same time
 */
export async function delegateProduct(place: Place, product: string, publishing: TufKey): Promise<Outcome | undefined> {
  const before = delegationsIn((await place.repository.newest("targets"))?.text);
  const known = new Set(before.map(({ role }) => role));
  const missing: Delegation[] = Channel.options
    .filter((channel) => !known.has(roleName(product, channel)))
    .map((channel) => ({
      role: roleName(product, channel),
      pathPrefix: `${product}/${channel}/`,
      keys: [publishing],
      threshold: 1,
    }));
  if (missing.length === 0) return undefined;
  const delegations = [...before, ...missing];
  return (await changeDelegations(place, { why: `The product ${product}`, delegations })).outcome;
}
