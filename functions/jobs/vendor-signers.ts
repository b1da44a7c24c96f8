import { SutureError } from "../../protocol/errors.ts";
import { namedIn } from "../domain/online-keys.ts";
import type { KeyWrapper } from "../signers/wrapped.ts";
import type { VendorsStore } from "../stores/vendors.ts";

/** A vendor's online keys that a root of its names, unwrapped. @throws SutureError `not-found`, and what `unwrap` throws */
export async function vendorSigners(
  vendor: string,
  root: string,
  { vendors, keys }: { vendors: Pick<VendorsStore, "get">; keys: Pick<KeyWrapper, "unwrap"> },
) {
  const known = await vendors.get(vendor);
  if (known === undefined) throw new SutureError("not-found", `There is no vendor ${vendor}`);
  const { snapshot, timestamp } = namedIn(root, known);
  return {
    snapshot: await keys.unwrap(snapshot.wrapped, { vendor, role: "snapshot" }),
    timestamp: await keys.unwrap(timestamp.wrapped, { vendor, role: "timestamp" }),
  };
}
