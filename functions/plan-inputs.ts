import type { HeldPatch } from "../protocol/wire/check-in.ts";
import { type ControlStores, readControl } from "./control.ts";
import { entitledUntil, type Term } from "./domain/entitlement.ts";
import type { ChangeRecord } from "./domain/poll.ts";
import { isStopped } from "./domain/recall.ts";
import { scopeOf } from "./domain/ticket.ts";
import type { Control, PlannedPatch } from "./domain/verdict.ts";
import { KeptByScope } from "./kept-by-scope.ts";
import type { CustomersStore } from "./stores/customers.ts";
import { collect } from "./stores/page.ts";
import { isHeldForEveryone, type PatchHoldsStore } from "./stores/patch-holds.ts";
import type { PatchesStore } from "./stores/patches.ts";
import type { RecallsStore } from "./stores/recalls.ts";
import type { Subscription, SubscriptionsStore } from "./stores/subscriptions.ts";

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

/** Accounts and streams that one instance keeps at most: some megabytes of the one, some tens of the other. */
const mostAccounts = 2000;
const mostStreams = 200;

/**
 * The plan's inputs that machines share. They are read once and kept until their own scope changes: another tenant's change, or another
 * vendor's, costs them nothing.
 */
export class PlanInputsCache {
  readonly #stores: Stores;
  readonly #accounts = new KeptByScope<Account>(mostAccounts);
  readonly #streams = new KeptByScope<PlannedPatch[]>(mostStreams);

  constructor(stores: Stores) {
    this.#stores = stores;
  }

  /** A customer's groups, subscriptions and what it decides, as of `record` or later. */
  account(customer: string, record: ChangeRecord): Promise<Account> {
    return this.#accounts.get(customer, record, [scopeOf.tenant(customer)], async () => {
      const [{ groups, control }, subscriptions] = await Promise.all([
        this.decided(customer),
        collect((page) => this.#stores.subscriptions.listByCustomer(customer, { ...page, consistent: true })),
      ]);
      return {
        groups,
        control,
        subscriptions: subscriptions.map((each) => ({
          stream: each.stream,
          seats: each.seats,
          endsAt: entitledUntil(inSeconds(each)),
        })),
      };
    });
  }

  /**
   * What a customer decides now, whatever is kept. Strongly consistent, its groups too: what is kept from here on counts until its scope
   * changes again, which for a group may be never.
   */
  async decided(customer: string): Promise<Pick<Account, "groups" | "control">> {
    const [found, control] = await Promise.all([
      this.#stores.customers.get(customer, { consistent: true }),
      readControl(this.#stores, customer),
    ]);
    return { groups: found?.groups ?? {}, control };
  }

  /** The patches of the account's streams and of the streams of what a machine holds, as of `record` or later. */
  async patches(streams: readonly string[], record: ChangeRecord): Promise<PlannedPatch[]> {
    const lists = streams.map((stream) =>
      this.#streams.get(stream, record, streamScopes(stream), async () => {
        const [records, holds, statements] = await Promise.all([
          collect((page) => this.#stores.patches.listByStream(stream, { ...page, consistent: true })),
          collect((page) => this.#stores.patchHolds.listByStream(stream, { ...page, consistent: true })),
          collect((page) => this.#stores.recalls.list(page)),
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
}

/** The scopes whose changes concern a stream's patches: its own, and its vendor's, who may be stopped. */
export function streamScopes(stream: string): [string, string] {
  return [scopeOf.stream(stream), scopeOf.vendor(vendorOf(stream))];
}

/** The vendor of `vendor/product/channel`. */
function vendorOf(stream: string): string {
  return stream.slice(0, stream.indexOf("/"));
}

/** The streams that concern a machine: what its customer subscribes to, and what it holds, subscribed or not. */
export function streamsOf(account: Account, held: readonly HeldPatch[]): string[] {
  const ofHeld = held.map(({ patch }) => patch.slice(0, patch.lastIndexOf("/")));
  return [...new Set([...account.subscriptions.map(({ stream }) => stream), ...ofHeld])];
}

function inSeconds({ endsAt, graceDays, revokedAt }: Subscription): Term {
  const seconds = (millis: number) => Math.floor(millis / 1000);
  return {
    endsAt: endsAt === null ? null : seconds(endsAt),
    graceDays,
    revokedAt: revokedAt === undefined ? undefined : seconds(revokedAt),
  };
}
