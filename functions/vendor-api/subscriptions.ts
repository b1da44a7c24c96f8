import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Channel, Name, roleName } from "../../protocol/wire/names.ts";
import {
  SubscriptionList,
  SubscriptionTerms,
  SubscriptionView,
  UsageList,
  type UsageView,
} from "../../protocol/wire/subscriptions.ts";
import { standingOf } from "../domain/entitlement.ts";
import type { Subscription } from "../stores/subscriptions.ts";
import type { Usage } from "../stores/usage.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { type TenantKind, tenantKinds, tenantOf, tenantRoute } from "./tenants.ts";

const path = "/v1/customers/{customer}/subscriptions/{vendor}/{product}/{channel}";
const params = z.object({ customer: Name, vendor: Name, product: Name, channel: Channel });
const tags = ["subscriptions"];
const defaultGraceDays = 14;
const example: SubscriptionView = {
  customer: "globex",
  vendor: "acme",
  product: "echod",
  channel: "stable",
  plan: "standard",
  seats: 200,
  seatsTaken: 17,
  endsAt: "2027-12-31T00:00:00.000Z",
  graceDays: 14,
  standing: "active",
};

export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show a subscription",
  request: { params },
  responses: { 200: answer(SubscriptionView, "The subscription", example), ...failure },
});

export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Give a customer a product's channel, or change its plan, seats and end",
  description: "For the vendor and the operator. It takes a revocation back.",
  request: {
    params,
    ...jsonBody(SubscriptionTerms, { seats: 200, endsAt: "2027-12-31T00:00:00.000Z", graceDays: 14 }),
  },
  responses: { 200: answer(SubscriptionView, "The subscription as it is now", example), ...failure },
});

export const revoke = createRoute({
  method: "delete",
  path,
  tags,
  summary: "End a subscription at once",
  description: "Machines keep what is applied, and hear of recalls; nothing new comes.",
  request: { params },
  responses: { 200: answer(SubscriptionView, "The subscription as it is now", example), ...failure },
});

export function listOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/subscriptions");
  return createRoute({
    ...route,
    method: "get",
    summary: kind === "vendor" ? "List who may have a vendor's channels" : "List what a customer may have",
    request: { ...request, query: PageQuery },
    responses: {
      200: answer(SubscriptionList, "One page; it goes on where there is a cursor", examples.subscriptions),
      ...failure,
    },
  });
}

export function usageOf(kind: TenantKind) {
  const { request, ...route } = tenantRoute(kind, "/usage");
  return createRoute({
    ...route,
    method: "get",
    summary: "List how many machines held a seat in each month",
    request: { ...request, query: PageQuery },
    responses: { 200: answer(UsageList, "By month; it goes on where there is a cursor", examples.usage), ...failure },
  });
}

export function subscriptionRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const { customer, ...stream } = c.req.valid("param");
    const found = await deps.subscriptions.get(customer, streamOf(stream));
    if (found === undefined) throw noSubscription(customer, streamOf(stream));
    return c.json(await view(found), 200);
  });

  app.openapi(put, async (c) => {
    const { customer, ...stream } = c.req.valid("param");
    const { plan, seats, endsAt, graceDays = defaultGraceDays } = c.req.valid("json");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    await refuseUnknownChannel(stream);
    const granted = await deps.subscriptions.put({
      customer,
      stream: streamOf(stream),
      ...(plan !== undefined && { plan }),
      seats,
      endsAt: endsAt === null ? null : Date.parse(endsAt),
      graceDays,
      createdAt: deps.now().getTime(),
    });
    return c.json(await view(granted), 200);
  });

  app.openapi(revoke, async (c) => {
    const { customer, ...stream } = c.req.valid("param");
    const revoked = await deps.subscriptions.revoke(customer, streamOf(stream), deps.now().getTime());
    return c.json(await view(revoked), 200);
  });

  for (const kind of tenantKinds) {
    app.openapi(listOf(kind), async (c) => {
      const { tenant } = await tenantOf(c, kind, deps);
      const query = c.req.valid("query");
      const { subscriptions } = deps;
      const { items, cursor } = await (kind === "vendor"
        ? subscriptions.listByVendor(tenant, query)
        : subscriptions.listByCustomer(tenant, query));
      const views = await Promise.all(items.map(namedRows("subscriptions", view)));
      return c.json({ subscriptions: views, ...(cursor !== undefined && { cursor }) }, 200);
    });

    app.openapi(usageOf(kind), async (c) => {
      const { tenant } = await tenantOf(c, kind, deps);
      const query = c.req.valid("query");
      const { items, cursor } = await (kind === "vendor"
        ? deps.usage.listByVendor(tenant, query)
        : deps.usage.listByCustomer(tenant, query));
      return c.json({ usage: items.map(namedRows("usage", usageView)), ...(cursor !== undefined && { cursor }) }, 200);
    });
  }

  async function view({ customer, stream, plan, seats, endsAt, graceDays, revokedAt }: Subscription) {
    const [vendor = "", product = "", channel] = stream.split("/");
    const seconds = (millis: number) => Math.floor(millis / 1000);
    const terms = { endsAt: endsAt === null ? null : seconds(endsAt), graceDays };
    const revoked = revokedAt === undefined ? {} : { revokedAt: seconds(revokedAt) };
    return {
      customer,
      vendor,
      product,
      channel: Channel.parse(channel),
      plan,
      seats,
      seatsTaken: await deps.seats.taken(customer, stream),
      endsAt: endsAt === null ? null : new Date(endsAt).toISOString(),
      graceDays,
      standing: standingOf({ ...terms, ...revoked }, seconds(deps.now().getTime())),
      ...(revokedAt !== undefined && { revokedAt: new Date(revokedAt).toISOString() }),
    } satisfies SubscriptionView;
  }

  /** A subscription to a name that is spelt wrong would never bring anything, and nobody would hear why. */
  async function refuseUnknownChannel({ vendor, product, channel }: Stream): Promise<void> {
    if ((await deps.vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    const targets = await deps.roles.get(vendor, "targets");
    const delegations = targets && readMetadata("targets", targets.body).signed.delegations?.roles;
    if (delegations?.[roleName(product, channel)] === undefined) {
      throw new SutureError("not-found", `${vendor} has no product ${product} with a channel ${channel}`);
    }
  }
}

type Stream = { vendor: string; product: string; channel: Channel };

function streamOf({ vendor, product, channel }: Stream): string {
  return `${vendor}/${product}/${channel}`;
}

/** The same words whether there is such a customer or not: a vendor may ask for any name. */
function noSubscription(customer: string, stream: string): SutureError {
  return new SutureError("not-found", `${customer} has no subscription to ${stream}`);
}

function usageView({ customer, stream, month, machines, seats, countedAt }: Usage): UsageView {
  return { customer, stream, month, machines, seats, countedAt: new Date(countedAt).toISOString() };
}
