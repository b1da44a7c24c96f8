import { isSutureError, SutureError } from "../../../protocol/errors.ts";
import { verifyReceipt } from "../../../protocol/trust/receipt.ts";
import { verifyStatement } from "../../../protocol/trust/request.ts";
import { Incident } from "../../../protocol/wire/incident.ts";
import type { Receipt, Waiting } from "../../../protocol/wire/report.ts";
import { type ControlStores, readControl } from "../../control.ts";
import { recallProgress } from "../../domain/recall.ts";
import { type Condition, conditionOf, type PatchStatus } from "../../domain/status.ts";
import type { Control } from "../../domain/verdict.ts";
import { type Standing, standingsOf } from "../../standing.ts";
import type { Customer, CustomersStore } from "../../stores/customers.ts";
import type { FleetStore } from "../../stores/fleet.ts";
import type { Machine, MachinesStore } from "../../stores/machines.ts";
import { collect } from "../../stores/page.ts";
import type { PatchesStore, PatchRecord } from "../../stores/patches.ts";
import type { ReceiptsStore, StoredReceipt } from "../../stores/receipts.ts";
import type { PatchState, StatesStore } from "../../stores/states.ts";
import type { Subscription, SubscriptionsStore } from "../../stores/subscriptions.ts";
import { texts } from "../texts.ts";

export type MachineStores = ControlStores & {
  machines: MachinesStore;
  states: StatesStore;
  receipts: ReceiptsStore;
  patches: PatchesStore;
  customers: CustomersStore;
  subscriptions: SubscriptionsStore;
  fleet: FleetStore;
};

/** One patch on one machine. `patch` is absent where the service never had it; `at` (milliseconds) where nothing happened yet. */
export type PatchOnMachine = {
  id: string;
  patch: PatchRecord | undefined;
  status: PatchStatus;
  detail: string;
  at?: number;
  /** where the machine says right now that it waits for tasks */
  waiting?: Waiting;
};
export type MachineView = { machine: Machine; patches: PatchOnMachine[]; condition: Condition };
/** What a machine signed, its signature checked again just now; undefined where it is not (any more) the machine's. `receivedAt` in milliseconds. */
export type ShownReceipt = { sequence: number; receivedAt: number; receipt?: Receipt; incident?: Incident };

type Account = {
  customer: Customer;
  subscriptions: Subscription[];
  control: Control;
  patches: Map<string, PatchRecord>;
};

/** A machine that waits says so every half a minute; milliseconds. */
const waitingFor = 90_000;
/** How many receipts a machine's timeline shows. */
const timelineLength = 50;

/**
 * One machine and its newest receipts. Another customer's machine is like one that does not exist.
 * @throws SutureError `not-found`
 */
export async function readMachine(
  stores: MachineStores,
  customer: string,
  id: string,
  now: number,
): Promise<MachineView & { receipts: ShownReceipt[] }> {
  const machine = await stores.machines.get(id);
  if (machine?.customer !== customer) throw new SutureError("not-found", "There is no such machine in your account.");
  const [states, stored] = await Promise.all([
    collect((page) => stores.states.listByMachine(id, page)),
    stores.receipts.listByMachine(id, { limit: timelineLength }),
  ]);
  const known = [...machine.patches.map(({ patch }) => patch), ...states.map(({ patchId }) => patchId)];
  const account = await readAccount(stores, customer, known);
  const receipts = await Promise.all(stored.items.map((receipt) => shown(receipt, machine)));
  return { ...viewOf(machine, states, account, now), receipts };
}

/** Reads what is entitled to, and of the rest only the patches that a machine knows: what a machine claims opens no vendor's list. */
async function readAccount(stores: MachineStores, customer: string, known: readonly string[]): Promise<Account> {
  const [found, control, subscriptions] = await Promise.all([
    stores.customers.get(customer),
    readControl(stores, customer),
    collect((page) => stores.subscriptions.listByCustomer(customer, page)),
  ]);
  if (found === undefined) throw new SutureError("not-found", "There is no such account.");
  const streams = subscriptions.map(({ stream }) => collect((page) => stores.patches.listByStream(stream, page)));
  const patches = new Map((await Promise.all(streams)).flat().map((patch) => [patch.id, patch]));
  const others = [...new Set(known)].filter((id) => !patches.has(id)).map((id) => stores.patches.get(id));
  for (const patch of await Promise.all(others)) if (patch !== undefined) patches.set(patch.id, patch);
  return { customer: found, subscriptions, control, patches };
}

function viewOf(machine: Machine, states: readonly PatchState[], account: Account, now: number): MachineView {
  const standings = standingsOf(
    machine,
    states,
    {
      groups: account.customer.groups,
      control: account.control,
      subscriptions: account.subscriptions.map(({ stream, endsAt }) => ({
        stream,
        endsAt: endsAt === null ? null : Math.floor(endsAt / 1000),
      })),
      patches: [...account.patches.values()].map((patch) => ({ ...patch, stream: streamOf(patch.id) })),
    },
    now,
  );
  const statuses = standings.map(({ status }) => status);
  return {
    machine,
    patches: standings.map(({ patch: id, ...standing }) => {
      const patch = account.patches.get(id);
      const detail = [standing.detail, recallTime(standing, patch?.withdrawnAt)].filter(Boolean).join(". ");
      return { ...standing, id, patch, detail, ...waitingOf(machine, id, standing.at ?? 0, now) };
    }),
    condition: conditionOf(statuses, { ...machine.facts, seenAt: machine.seenAt }, now),
  };
}

/** What a machine waits for with a patch, unless that came to an end (`newestAt`) or it is silent since. */
function waitingOf({ waiting }: Machine, patch: string, newestAt: number, now: number): { waiting?: Waiting } {
  const isNow = waiting?.patch === patch && now - waiting.at < waitingFor && newestAt <= waiting.since * 1000;
  return isNow ? { waiting } : {};
}

/** How long a recall took to be undone here. */
function recallTime(
  { status, at }: Pick<Standing, "status" | "at">,
  recalledAt: number | undefined,
): string | undefined {
  if (status !== "undone" || at === undefined || recalledAt === undefined) return undefined;
  const progress = recallProgress({ state: status, action: "undo", at }, recalledAt);
  return progress?.state === "undone" ? texts.machine.afterRecall(progress.seconds) : undefined;
}

function streamOf(id: string): string {
  return id.slice(0, id.lastIndexOf("/"));
}

/** A receipt, its signature checked now. */
export async function shown(
  stored: StoredReceipt,
  { machine, publicKey }: Pick<Machine, "machine" | "publicKey">,
): Promise<ShownReceipt> {
  const { sequence, receivedAt, receipt: text } = stored;
  try {
    if (text.startsWith("{")) return { sequence, receivedAt, receipt: verifyReceipt(text, publicKey) };
    const statement = await verifyStatement("suture-incident", text, Incident);
    return { sequence, receivedAt, ...(statement.machine === machine && { incident: statement.payload }) };
  } catch (error) {
    if (!isSutureError(error)) throw error;
    return { sequence, receivedAt };
  }
}
