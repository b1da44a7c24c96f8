import type { Principal } from "../../protocol/wire/account.ts";
import { texts } from "./texts.ts";

type Entry = { href: string; word: string };

/** What each kind of sign-in finds in the navigation, in groups and in this order; the first is where it starts. */
export const navigation: Readonly<Record<Principal["kind"], readonly (readonly Entry[])[]>> = {
  customer: [
    [
      { href: "/machines", word: texts.nav.machines },
      { href: "/patches", word: texts.nav.patches },
    ],
  ],
  vendor: [],
  operator: [],
};

/** Whether a path lies under an entry: a machine's page is under the machines. */
export function isUnder(href: string, path: string): boolean {
  return path === href || (href !== "/" && path.startsWith(`${href}/`));
}
