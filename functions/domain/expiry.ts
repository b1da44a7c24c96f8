import { delegationsOf, readMetadata, rootRolesOf } from "../../protocol/trust/edit.ts";
import type { Ending } from "../../protocol/wire/expiry.ts";

const day = 86_400_000;

/** The days before an end at which its owner hears of it (design: "Trust"). */
const noticeDays = [60, 30, 7] as const;

/** One signed role, and whose keys sign it. `expires` in milliseconds since the epoch. */
export type SignedRole = {
  repository: string;
  role: string;
  version: number;
  expires: number;
  keys: number;
  threshold: number;
};
/** A word to an owner that is due: so many days before the end; `since`, in milliseconds since the epoch, it has been. */
export type Notice = SignedRole & { days: (typeof noticeDays)[number]; since: number };

/** The roles of a repository as they were accepted, with what root and targets say of their keys. */
export function signedRolesOf(
  repository: string,
  accepted: readonly { role: string; version: number; body: string }[],
): SignedRole[] {
  const body = (role: string) => accepted.find((each) => each.role === role)?.body;
  const [root, targets] = [body("root"), body("targets")];
  const top = root === undefined ? undefined : rootRolesOf(readMetadata("root", root).signed);
  const delegated = targets === undefined ? [] : delegationsOf(readMetadata("targets", targets).signed);
  return accepted.map(({ role, version, body: text }) => {
    const { expires } = readMetadata(role === "root" ? "root" : "targets", text).signed;
    const by =
      role === "root" || role === "targets" ? top?.[role] : delegated.find((delegation) => delegation.role === role);
    return {
      repository,
      role,
      version,
      expires: Date.parse(expires),
      keys: by?.keys.length ?? 0,
      threshold: by?.threshold ?? 0,
    };
  });
}

/** How near an end is. Both in milliseconds since the epoch. */
export function endingOf(expires: number, now: number): Ending {
  const left = expires - now;
  if (left <= 0) return "ended";
  const days = noticeDays.findLast((each) => left <= each * day);
  return days === undefined ? "fine" : `ends-in-${days}-days`;
}

/** What owners should have heard of these roles by now, each once for each version and step. */
export function noticesDue(roles: readonly SignedRole[], now: number): Notice[] {
  return roles.flatMap((role) =>
    noticeDays.flatMap((days) => {
      const since = role.expires - days * day;
      return since <= now ? [{ ...role, days, since }] : [];
    }),
  );
}

/** Whole days until the first of these ends; a large number where there is none. */
export function daysLeft(roles: readonly SignedRole[], now: number): number {
  const first = Math.min(now + 999 * day, ...roles.map(({ expires }) => expires));
  return Math.floor((first - now) / day);
}
