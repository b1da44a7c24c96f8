import type { HeldPatch } from "../../protocol/wire/check-in.ts";
import { type ControlStores, readControl } from "../control.ts";
import { entitledUntil, type Term } from "../domain/entitlement.ts";
import { isStopped } from "../domain/recall.ts";
import type { Control, PlannedPatch } from "../domain/verdict.ts";
import type { CustomersStore } from "../stores/customers.ts";
import { collect } from "../stores/page.ts";
import { isHeldForEveryone, type PatchHoldsStore } from "../stores/patch-holds.ts";
import type { PatchesStore } from "../stores/patches.ts";
import type { OperatorStatement, RecallsStore } from "../stores/recalls.ts";
import type { Subscription, SubscriptionsStore } from "../stores/subscriptions.ts";

type Stores = ControlStores & {
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  patches: PatchesStore;
  patchHolds: PatchHoldsStore;
  recalls: RecallsStore;
};
type Account = {
  groups: Record<string, { mode: "auto" | "report" }>;
  /** `endsAt` is the end of what is served, grace and revocation considered (seconds since the epoch) */
  subscriptions: { stream: string; endsAt: number | null; seats: number }[];
  control: Control;
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
  #statements = new Map<"operator", Promise<OperatorStatement[]>>();

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** A customer's groups, subscriptions and what it decides, as of `epoch` or later. */
  account(customer: string, epoch: number): Promise<Account> {
    this.#forgetBefore(epoch);
    return kept(this.#accounts, customer, async () => {
      const [found, control, subscriptions] = await Promise.all([
        this.#stores.customers.get(customer),
        readControl(this.#stores, customer),
        collect((page) => this.#stores.subscriptions.listByCustomer(customer, { ...page, consistent: true })),
      ]);
      return {
        groups: found?.groups ?? {},
        control,
        subscriptions: subscriptions.map((each) => ({
          stream: each.stream,
          seats: each.seats,
          endsAt: entitledUntil(inSeconds(each)),
        })),
      };
    });
  }

  /** What a customer decides now, whatever is kept. */
  control(customer: string): Promise<Control> {
    return readControl(this.#stores, customer);
  }

  /** The patches of the account's streams and of the streams of what a machine holds, as of `epoch` or later. */
  async patches(streams: readonly string[], epoch: number): Promise<PlannedPatch[]> {
    this.#forgetBefore(epoch);
    const lists = streams.map((stream) =>
      kept(this.#streams, stream, async () => {
        const [records, holds, statements] = await Promise.all([
          collect((page) => this.#stores.patches.listByStream(stream, { ...page, consistent: true })),
          collect((page) => this.#stores.patchHolds.listByStream(stream, { ...page, consistent: true })),
          kept(this.#statements, "operator", () => collect((page) => this.#stores.recalls.list(page))),
        ]);
        const vendorStopped = isStopped(vendorOf(stream), statements);
        const held = new Set(holds.filter(isHeldForEveryone).map(({ id }) => id));
        return records.map(({ id, manifest, manifestSha256, state }) => ({
          id,
          stream,
          manifest,
          manifestSha256,
          state,
          heldForEveryone: held.has(id),
          vendorStopped,
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
    this.#statements = new Map();
  }
}

/** The vendor of `vendor/product/channel`. */
export function vendorOf(stream: string): string {
  return stream.slice(0, stream.indexOf("/"));
}

/** The streams that concern a machine: what its customer subscribes to, and what it holds, subscribed or not. */
export function streamsOf(account: Account, held: readonly HeldPatch[]): string[] {
  const ofHeld = held.map(({ patch }) => patch.slice(0, patch.lastIndexOf("/")));
  return [...new Set([...account.subscriptions.map(({ stream }) => stream), ...ofHeld])];
}

/** Keeps a promise under its key; one that fails is not kept. */
function kept<K, T>(map: Map<K, Promise<T>>, key: K, load: () => Promise<T>): Promise<T> {
  const found = map.get(key);
  if (found !== undefined) return found;
  const loading = load();
  map.set(key, loading);
  loading.catch(() => map.delete(key));
  return loading;
}

function inSeconds({ endsAt, graceDays, revokedAt }: Subscription): Term {
  const seconds = (millis: number) => Math.floor(millis / 1000);
  return {
    endsAt: endsAt === null ? null : seconds(endsAt),
    graceDays,
    revokedAt: revokedAt === undefined ? undefined : seconds(revokedAt),
  };
}
