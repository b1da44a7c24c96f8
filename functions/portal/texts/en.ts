import type { Principal } from "../../../protocol/wire/account.ts";
import { audit } from "./en/audit.ts";
import { ago, exact, number } from "./en/formats.ts";
import { evidence, fleet, machine } from "./en/machines.ts";
import { overview } from "./en/overview.ts";
import { patch, patches } from "./en/patches.ts";
import { join, people, provider } from "./en/people.ts";
import { pins, policies, policy } from "./en/policies.ts";
import { products, publish, published } from "./en/publishing.ts";
import { report } from "./en/report.ts";
import { rollout, rollouts } from "./en/rollouts.ts";
import { expiries, health, tenants } from "./en/service.ts";
import { signIn } from "./en/sign-in.ts";
import { conditions, patchStates, severities, statuses } from "./en/states.ts";
import { support } from "./en/support.ts";
import { newApiToken, newToken, tokens } from "./en/tokens.ts";
import { usage } from "./en/usage.ts";

/** Every English word of the portal. */
export const en = {
  lang: "en",
  product: "Suture",
  statuses,
  conditions,
  patchStates,
  severities,
  ago,
  exact,
  number,
  nav: {
    label: "Main",
    skip: "Skip to the content",
    signOut: "Sign out",
    overview: "Overview",
    machines: "Machines",
    patches: "Patches",
    rollouts: "Rollouts",
    report: "Report",
    policies: "Policies",
    pins: "Pins",
    tokens: "Tokens",
    people: "Users",
    audit: "Audit",
    usage: "Usage",
    support: "Support",
    published: "Patches",
    products: "Products",
    tenants: "Tenants",
    health: "Health",
    expiries: "Keys and expiries",
  },
  roles: {
    owner: "owner",
    operator: "operator",
    viewer: "viewer",
    publisher: "publisher",
  } satisfies Record<Principal["role"], string>,
  connectionLost: "The service does not answer. This page shows what it knew last, and goes on trying.",
  legend: "What the states mean",
  list: {
    export: "Download as CSV",
    actions: "Action",
    next: "Next page",
    first: "Back to the first page",
    pages: "Pages of the list",
    pagesOf: (list: string) => `Pages of the list: ${list}`,
  },
  signIn,
  overview,
  fleet,
  savedViews: {
    label: "Saved views",
    own: "yours",
    name: "Name this view",
    share: "for everybody here",
    save: "Save",
    forget: "Forget this view",
  },
  machine,
  patches,
  patch,
  evidence,
  report,
  rollouts,
  rollout,
  policies,
  policy,
  pins,
  tokens,
  newToken,
  newApiToken,
  people,
  provider,
  join,
  audit,
  usage,
  support,
  published,
  publish,
  products,
  tenants,
  health,
  expiries,
  copy: "Copy",
  copied: "Copied",
  problem: {
    home: "Back to the start",
    signIn: "Sign in again",
    code: "Code",
    crossSite: "The form came from another site, so nothing was done. Open the page here and send it again.",
    tooLarge: "That is more than a form takes. Go back, and say it shorter.",
    nothingHere: (path: string) => `There is nothing at ${path}`,
  },
  apiDocs: { title: "API", noScript: "This page needs JavaScript. The description itself is at /openapi.json." },
};

/** What another language has to say. */
export type Texts = typeof en;
