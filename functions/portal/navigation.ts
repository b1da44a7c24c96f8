import type { Principal } from "../../protocol/wire/account.ts";
import { texts } from "./texts.ts";

type Entry = { href: string; word: string };

/** What customers and vendors have alike: who and what acts for them, and what that came to. */
const account: readonly Entry[] = [
  { href: "/tokens", word: texts.nav.tokens },
  { href: "/people", word: texts.nav.people },
  { href: "/usage", word: texts.nav.usage },
  { href: "/audit", word: texts.nav.audit },
];

/** What each kind of sign-in finds in the navigation, in groups and in this order; the first is where it starts. */
export const navigation: Readonly<Record<Principal["kind"], readonly (readonly Entry[])[]>> = {
  customer: [
    [
      { href: "/", word: texts.nav.overview },
      { href: "/machines", word: texts.nav.machines },
      { href: "/patches", word: texts.nav.patches },
      { href: "/rollouts", word: texts.nav.rollouts },
      { href: "/report", word: texts.nav.report },
    ],
    [
      { href: "/policies", word: texts.nav.policies },
      { href: "/pins", word: texts.nav.pins },
      { href: "/support", word: texts.nav.support },
    ],
    account,
  ],
  vendor: [
    [
      { href: "/published", word: texts.nav.published },
      { href: "/products", word: texts.nav.products },
    ],
    account,
  ],
  operator: [
    [
      { href: "/tenants", word: texts.nav.tenants },
      { href: "/health", word: texts.nav.health },
      { href: "/expiries", word: texts.nav.expiries },
    ],
    [{ href: "/audit", word: texts.nav.audit }],
  ],
};

/** Whether a path lies under an entry: a machine's page is under the machines. */
export function isUnder(href: string, path: string): boolean {
  return path === href || (href !== "/" && path.startsWith(`${href}/`));
}
