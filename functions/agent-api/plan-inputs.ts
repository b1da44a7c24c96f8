import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import type { PlannedPatch } from "../domain/plan.ts";
import type { CustomersStore } from "../stores/customers.ts";
import { collect } from "../stores/page.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { SubscriptionsStore } from "../stores/subscriptions.ts";

type Stores = { customers: CustomersStore; subscriptions: SubscriptionsStore; patches: PatchesStore };
type Account = {
  groups: Record<string, { mode: "auto" | "report" }>;
  subscriptions: { stream: string; endsAt: number | null }[];
};

/**
 * The plan's inputs that machines share, read once an epoch. Whoever checks in reads the epoch first: what is kept under that
 * epoch was read after it, and a change that came later brings a later epoch, so the machine is told to check in again.
 */
export class PlanInputsCache {
  readonly #stores: Stores;
  #epoch = -1;
  #accounts = new Map<string, Promise<Account>>();
  #streams = new Map<string, Promise<PlannedPatch[]>>();

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** A customer's groups and subscriptions, as of `epoch` or later. */
  account(customer: string, epoch: number): Promise<Account> {
    this.#forgetBefore(epoch);
    return kept(this.#accounts, customer, async () => {
      const [found, subscriptions] = await Promise.all([
        this.#stores.customers.get(customer),
        collect((page) => this.#stores.subscriptions.listByCustomer(customer, { ...page, consistent: true })),
      ]);
      const toSeconds = (endsAt: number | null) => (endsAt === null ? null : Math.floor(endsAt / 1000));
      return {
        groups: found?.groups ?? {},
        subscriptions: subscriptions.map(({ stream, endsAt }) => ({ stream, endsAt: toSeconds(endsAt) })),
      };
    });
  }

  /** The patches of the account's streams and of the streams of what a machine holds, as of `epoch` or later. */
  async patches(streams: readonly string[], epoch: number): Promise<PlannedPatch[]> {
    this.#forgetBefore(epoch);
    const lists = streams.map((stream) =>
      kept(this.#streams, stream, async () => {
        const records = await collect((page) =>
          this.#stores.patches.listByStream(stream, { ...page, consistent: true }),
        );
        return records.map(({ id, manifest, manifestSha256, state }) => ({
          id,
          stream,
          manifest,
          manifestSha256,
          state,
        }));
      }),
    );
    return (await Promise.all(lists)).flat();
  }

  #forgetBefore(epoch: number): void {
    if (epoch <= this.#epoch) return;
    this.#epoch = epoch;
    this.#accounts = new Map();
    this.#streams = new Map();
  }
}

/** The streams that concern a machine: what its customer subscribes to, and what it holds, subscribed or not. */
export function streamsOf(account: Account, held: readonly HeldPatch[]): string[] {
  const ofHeld = held.map(({ patch }) => patch.slice(0, patch.lastIndexOf("/")));
  return [...new Set([...account.subscriptions.map(({ stream }) => stream), ...ofHeld])];
}

/** Keeps a promise under its key; one that fails is not kept. */
function kept<T>(map: Map<string, Promise<T>>, key: string, load: () => Promise<T>): Promise<T> {
  const found = map.get(key);
  if (found !== undefined) return found;
  const loading = load();
  map.set(key, loading);
  loading.catch(() => map.delete(key));
  return loading;
}
