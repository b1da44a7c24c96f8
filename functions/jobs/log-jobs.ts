import { isDeepStrictEqual } from "node:util";
import { gates } from "../domain/rollout.ts";
import type { AuditStore } from "../stores/audit.ts";
import type { PatchHold } from "../stores/patch-holds.ts";
import { isHeldForEveryone } from "../stores/patch-holds.ts";
import { rolloutOf } from "../stores/rollouts.ts";
import type { TableChange } from "../stores/streams.ts";
import { appendEntries, type LogEntry } from "./log-entries.ts";

/**
 * Logs what the service's jobs changed by themselves; what people changed, vendor-api logs. From the tables' streams, so that no change
 * is missed where a job dies, and under the stream's own id, so that one that comes twice is logged once. What becomes of patches is
 * logged by `log-patches.ts`.
 */
export async function logJobs(batch: readonly TableChange[], { audit }: { audit: AuditStore }): Promise<void> {
  await appendEntries(batch, (change) => sayings[change.table]?.(change), audit);
}

/** What a change of a row of each table says, where it says something. */
const sayings: Partial<Record<TableChange["table"], (change: TableChange) => LogEntry | undefined>> = {
  rollouts: ofRollout,
  "patch-holds": ofHold,
  repositories: ofRepository,
  roles: ofRole,
  seats: ofSeat,
};

/** Gates begin, open, halt and finish rollouts; a person's decision has the person's name. */
function ofRollout({ newImage, oldImage }: TableChange): LogEntry | undefined {
  const rollout = newImage && rolloutOf(newImage);
  const before = oldImage && rolloutOf(oldImage);
  const event = rollout?.history.at(-1);
  if (rollout === undefined || event?.by !== gates) return undefined;
  // Counted anew, and nothing happened
  if (isDeepStrictEqual(before?.history.at(-1), event)) return undefined;
  const seen = ({ state, wave, undo }: typeof rollout) => ({ state, wave: wave + 1, undoing: undo });
  return {
    log: `customer/${rollout.customer}`,
    who: "service, gates",
    what: `${event.what}: rollout of ${rollout.patch}`,
    why: event.detail,
    before: before && seen(before),
    after: seen(rollout),
  };
}

/** A customer more that halted; which one is no vendor's business. */
function ofHold({ newImage, oldImage }: TableChange): LogEntry | undefined {
  const [hold, before] = [newImage, oldImage] as unknown as [PatchHold | undefined, PatchHold | undefined];
  if (hold === undefined || hold.customers.length <= (before?.customers.length ?? 0)) return undefined;
  const seen = (each: PatchHold) => ({ held: isHeldForEveryone(each), halts: each.customers.length });
  const isHeldNow = isHeldForEveryone(hold) && !(before && isHeldForEveryone(before));
  return {
    log: `vendor/${hold.id.slice(0, hold.id.indexOf("/"))}`,
    who: "service, gates",
    what: `${isHeldNow ? "held for everyone" : "halted by a customer"}: ${hold.id}`,
    why: isHeldNow ? `The rollouts of ${hold.customers.length} customers halted` : "A customer's rollout halted",
    before: before && seen(before),
    after: seen(hold),
  };
}

type Versions = { snapshot: number; timestamp: number; roles: Record<string, number> };

function ofRepository({ keys, newImage, oldImage }: TableChange): LogEntry | undefined {
  const [now, before] = [newImage?.published, oldImage?.published] as (Versions | undefined)[];
  if (now === undefined || now.timestamp === before?.timestamp) return undefined;
  const repository = String(keys.repository);
  const seen = ({ snapshot, timestamp, roles }: Versions) => ({ snapshot, timestamp, roles });
  return {
    log: logOfRepository(repository),
    who: "service, publish",
    what: `published: ${repository}`,
    why: now.snapshot === before?.snapshot ? "The timestamp was due" : "Roles changed, or the snapshot was due",
    before: before && seen(before),
    after: seen(now),
  };
}

/** Roles of the service's own, which its jobs sign: plan keys, recalls, which vendors there are. */
function ofRole({ keys, newImage, oldImage }: TableChange): LogEntry | undefined {
  const name = String(keys.role);
  // Each root stands there twice, under its number too
  if (newImage?.by !== "service" || keys.vendor !== "service" || name.startsWith("root@")) return undefined;
  const seen = ({ version }: Record<string, unknown>) => ({ version });
  return {
    log: "service",
    who: "service, signing",
    what: `signed: the service's ${name}`,
    before: oldImage && seen(oldImage),
    after: seen(newImage),
  };
}

function ofSeat({ newImage, oldImage }: TableChange): LogEntry | undefined {
  if (newImage?.releasedAt === undefined || oldImage?.releasedAt !== undefined) return undefined;
  const { customer, stream, machine } = newImage;
  return {
    log: `customer/${String(customer)}`,
    who: "service, seats",
    what: `freed: the seat of ${String(machine)} on ${String(stream)}`,
    why: "The machine was silent",
    before: { seated: true },
    after: { seated: false },
  };
}

function logOfRepository(repository: string): string {
  return repository === "service" ? "service" : `vendor/${repository}`;
}
