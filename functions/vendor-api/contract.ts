import type { OpenAPIHono, RouteConfig } from "@hono/zod-openapi";
import type * as account from "./account.ts";
import type * as agentReleases from "./agent-releases.ts";
import type * as audit from "./audit.ts";
import type * as bulk from "./bulk.ts";
import type * as customers from "./customers.ts";
import type * as downloads from "./downloads.ts";
import type * as enrolmentTokens from "./enrolment-tokens.ts";
import type * as expiries from "./expiries.ts";
import type * as explain from "./explain.ts";
import type * as identity from "./identity.ts";
import type * as machines from "./machines.ts";
import type * as members from "./members.ts";
import type * as metadata from "./metadata.ts";
import type * as offlinePlans from "./offline-plans.ts";
import type * as offlineReports from "./offline-reports.ts";
import type * as onlineKeys from "./online-keys.ts";
import type * as patchHolds from "./patch-holds.ts";
import type * as pins from "./pins.ts";
import type * as policies from "./policies.ts";
import type * as publications from "./publications.ts";
import type * as recalls from "./recalls.ts";
import type * as receipts from "./receipts.ts";
import type * as rollouts from "./rollouts.ts";
import type * as service from "./service.ts";
import type * as subscriptions from "./subscriptions.ts";
import type * as support from "./support.ts";
import type * as tokens from "./tokens.ts";
import type * as uploads from "./uploads.ts";
import type * as vendorStops from "./vendor-stops.ts";
import type * as vendors from "./vendors.ts";
import type * as views from "./views.ts";

/** The routes among what a module exports: descriptions, and functions that describe one for each kind of tenant, or of view. */
type RoutesOf<Module> = {
  [Name in keyof Module]: Module[Name] extends RouteConfig
    ? Described<Module[Name]>
    : Module[Name] extends ((kind: never) => infer Route extends RouteConfig)
      ? Described<Route>
      : never;
}[keyof Module];

/** A problem may come from every route, so a client expects it anyway; as one of sixty statuses of each it slows the compiler. */
type Described<Route extends RouteConfig> = {
  route: Omit<Route, "responses"> & { responses: Omit<Route["responses"], "default"> };
  handler: unknown;
};

type Routes =
  | RoutesOf<typeof account>
  | RoutesOf<typeof agentReleases>
  | RoutesOf<typeof audit>
  | RoutesOf<typeof bulk>
  | RoutesOf<typeof customers>
  | RoutesOf<typeof downloads>
  | RoutesOf<typeof enrolmentTokens>
  | RoutesOf<typeof expiries>
  | RoutesOf<typeof explain>
  | RoutesOf<typeof identity>
  | RoutesOf<typeof machines>
  | RoutesOf<typeof members>
  | RoutesOf<typeof metadata>
  | RoutesOf<typeof offlinePlans>
  | RoutesOf<typeof offlineReports>
  | RoutesOf<typeof onlineKeys>
  | RoutesOf<typeof patchHolds>
  | RoutesOf<typeof pins>
  | RoutesOf<typeof policies>
  | RoutesOf<typeof recalls>
  | RoutesOf<typeof publications>
  | RoutesOf<typeof receipts>
  | RoutesOf<typeof rollouts>
  | RoutesOf<typeof service>
  | RoutesOf<typeof subscriptions>
  | RoutesOf<typeof support>
  | RoutesOf<typeof tokens>
  | RoutesOf<typeof uploads>
  | RoutesOf<typeof vendorStops>
  | RoutesOf<typeof vendors>
  | RoutesOf<typeof views>;

declare const app: OpenAPIHono;

/** What the API takes and answers, as `hono/client` wants it. Types only: nothing of the service comes with it. */
export type VendorApi = ReturnType<typeof app.openapiRoutes<readonly [Routes]>>;
