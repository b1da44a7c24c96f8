import type { Presence } from "./domain/liveness.ts";
import type { Control, PlanInputs } from "./domain/verdict.ts";
import type { Enrolled } from "./stores/machines.ts";
import { collect } from "./stores/page.ts";
import type { PinsStore } from "./stores/pins.ts";
import type { PoliciesStore } from "./stores/policies.ts";
import type { RolloutsStore } from "./stores/rollouts.ts";

export type ControlStores = { policies: PoliciesStore; pins: PinsStore; rollouts: RolloutsStore };

/** What a customer decides, as every plan for its machines is made from it. Strongly consistent. */
export async function readControl({ policies, pins, rollouts }: ControlStores, customer: string): Promise<Control> {
  const [found, pinned, running] = await Promise.all([
    collect((page) => policies.list(customer, { ...page, consistent: true })),
    collect((page) => pins.list(customer, { ...page, consistent: true })),
    collect((page) => rollouts.list(customer, { ...page, consistent: true })),
  ]);
  return {
    policies: found,
    pins: pinned.map((pin) => ({ ...pin, until: Math.floor(Date.parse(pin.until) / 1000) })),
    rollouts: new Map(running.map((rollout) => [rollout.patch, rollout])),
  };
}

/** A machine as plans see it, beside what it says of itself. */
export function plannedMachine({ machine, group, tags = [], clonedAt, ephemeral }: Enrolled): PlanInputs["machine"] {
  return {
    id: machine,
    group,
    tags,
    ...(clonedAt !== undefined && { clonedAt: Math.floor(clonedAt / 1000) }),
    ...(ephemeral !== undefined && { ephemeral }),
  };
}

/** A machine's presence, in seconds. */
export function presenceOf({ seenAt, ephemeral, retiredAt }: Enrolled): Presence {
  return {
    seenAt: seenAt / 1000,
    ephemeral,
    retiredAt: retiredAt === undefined ? undefined : retiredAt / 1000,
  };
}
