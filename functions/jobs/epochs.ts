import { scopeOf } from "../domain/ticket.ts";
import type { ChangesStore } from "../stores/changes.ts";
import type { TableChange } from "../stores/streams.ts";

/** Tables whose rows say something about one customer's plans. */
const ofTenant: ReadonlySet<string> = new Set(["customers", "subscriptions", "policies", "pins", "rollouts"]);

/** The scopes that a batch of changes touches: whose machines should check in. */
function scopesOf(batch: readonly TableChange[]): string[] {
  return [...new Set(batch.flatMap(scopesOfChange))];
}

function scopesOfChange({ table, keys, newImage }: TableChange): string[] {
  if (table === "patches" || table === "patch-holds") return [scopeOf.stream(String(keys.stream))];
  // A stop concerns every channel of its vendor; a recall is said by the patch's own row
  if (table === "recalls") return typeof newImage?.vendor === "string" ? [scopeOf.vendor(newImage.vendor)] : [];
  if (ofTenant.has(table)) return [scopeOf.tenant(String(keys.customer))];
  return [];
}

/**
 * The one writer of the record of changes: gives the touched scopes a new epoch. The tables have changed before their streams say
 * so: state first, epoch after. One call is one write, so who calls it at most once a second keeps the record from getting hot.
 * @param now milliseconds since the epoch
 */
export async function advanceEpochs(
  batch: readonly TableChange[],
  { changes, now }: { changes: ChangesStore; now: number },
): Promise<void> {
  const scopes = scopesOf(batch);
  if (scopes.length > 0) await changes.advance(scopes, now);
}
