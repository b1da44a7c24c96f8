import type { Metadata, Root, Targets } from "@tufjs/models";
import { SutureError } from "../../protocol/errors.ts";
import { acceptRole, acceptRoot } from "../../protocol/trust/accept.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import type { AcceptedRole } from "../stores/roles.ts";

/** A year and a little: nothing that is signed is valid for longer (design: "Trust"). */
const longestValidity = 400 * 86_400_000;

/** What was accepted of a repository before, by role. */
export type Accepted = ReadonlyMap<string, AcceptedRole>;

/**
 * Refuses metadata that is not the next version of its role, or expires never, too late or in the past.
 * @param now milliseconds since the epoch
 * @returns the version
 * @throws SutureError `conflict` with data `{ version }`, `invalid-metadata`
 */
export function requireNext(role: string, text: string, current: AcceptedRole | undefined, now: number): number {
  const { version, expires } = readMetadata(role === "root" ? "root" : "targets", text).signed;
  const before = current?.version ?? 0;
  if (version !== before + 1)
    throw new SutureError("conflict", `${role} is at version ${before}, so ${version} cannot follow`, {
      data: { version: before },
    });
  const at = Date.parse(expires);
  if (at <= now || at > now + longestValidity)
    throw new SutureError("invalid-metadata", `${role} must expire later than now and within 400 days`);
  return version;
}

type AcceptTargets = (text: string, root: Metadata<Root>) => Metadata<Targets>;

/** Takes a root: it follows the one before, and what is public keeps verifying. @throws what `acceptRoot` and `accept` throw */
export function verifyRoot(
  text: string,
  accepted: Accepted,
  online: Parameters<typeof acceptRoot>[2],
  accept: AcceptTargets,
): void {
  const root = acceptRoot(text, accepted.get("root")?.body, online);
  const targets = accepted.get("targets");
  if (targets !== undefined) keepsVerifying("targets", () => accept(targets.body, root));
}

/** Takes targets: signed as the root says, and what is public keeps verifying. @throws what `accept` throws */
export function verifyTargets(text: string, accepted: Accepted, accept: AcceptTargets): void {
  const targets = accept(text, newestRoot(accepted));
  for (const { role, body } of accepted.values()) {
    if (targets.signed.delegations?.roles?.[role] !== undefined) {
      keepsVerifying(role, () => acceptRole(body, role, targets));
    }
  }
}

/** The targets in force. @throws SutureError `invalid-metadata` where there are none yet */
export function newestTargets(accepted: Accepted): Metadata<Targets> {
  const targets = accepted.get("targets");
  if (targets === undefined)
    throw new SutureError("invalid-metadata", "targets, which delegates, comes before its roles");
  return readMetadata("targets", targets.body);
}

function newestRoot(accepted: Accepted): Metadata<Root> {
  const root = accepted.get("root");
  if (root === undefined) throw new SutureError("invalid-metadata", "The root comes before anything else");
  return readMetadata("root", root.body);
}

/** Clients would refuse the whole repository from the moment that it is public until the role is signed anew. */
function keepsVerifying(role: string, verify: () => unknown): void {
  try {
    verify();
  } catch (cause) {
    const detail = `The ${role} that is public would no longer verify: add the new key, sign ${role} with it, then take the old key away`;
    throw new SutureError("invalid-metadata", detail, { cause });
  }
}
