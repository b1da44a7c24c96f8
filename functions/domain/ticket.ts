import { createHmac, type KeyObject, timingSafeEqual } from "node:crypto";

/**
 * What a machine shows to ask "anything new?". It is worth nothing else: it names no secret and opens nothing.
 * Times are seconds since the epoch.
 */
export type Ticket = { machine: string; epoch: number; checkInBy: number; scopes: readonly string[] };

/**
 * HMAC keys, the newest first: it signs, all verify, so that keys can be changed without a fleet that
 * checks in at once. As KeyObjects, because importing a raw key costs four times the HMAC.
 */
export type TicketKeys = readonly [KeyObject, ...KeyObject[]];

const form = "1";

/** Seals a ticket: fields parted by `|`, scopes by `,`, and an HMAC-SHA256 over them. */
export function sealTicket(ticket: Ticket, keys: TicketKeys): string {
  const { machine, epoch, checkInBy, scopes } = ticket;
  const body = [form, machine, epoch, checkInBy, scopes.join(",")].join("|");
  return `${body}|${mac(body, keys[0]).toString("base64url")}`;
}

/** Opens a ticket, or answers `undefined` where it was not sealed with one of the keys: the machine then checks in. */
export function openTicket(text: string, keys: TicketKeys): Ticket | undefined {
  const end = text.lastIndexOf("|");
  if (end < 0) return undefined;
  const body = text.slice(0, end);
  const given = Buffer.from(text.slice(end + 1), "base64url");
  if (!keys.some((key) => matches(mac(body, key), given))) return undefined;
  const [version, machine = "", epoch, checkInBy, scopes = ""] = body.split("|");
  if (version !== form) return undefined;
  return {
    machine,
    epoch: Number(epoch),
    checkInBy: Number(checkInBy),
    scopes: scopes === "" ? [] : scopes.split(","),
  };
}

function mac(body: string, key: KeyObject): Buffer {
  return createHmac("sha256", key).update(body).digest();
}

function matches(expected: Buffer, given: Buffer): boolean {
  return expected.length === given.length && timingSafeEqual(expected, given);
}

/** The scopes whose changes concern a machine: its tenant, its group, each product channel that its plan looked at, and their vendors. */
export const scopeOf = {
  tenant: (customer: string) => `t:${customer}`,
  group: (customer: string, group: string) => `g:${customer}/${group}`,
  stream: (stream: string) => `p:${stream}`,
  vendor: (vendor: string) => `v:${vendor}`,
};
