import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { NewApiToken, PageQuery } from "../../protocol/wire/account.ts";
import {
  CustomerList,
  CustomerView,
  EnrolmentTokenCreated,
  NewCustomer,
  NewCustomerToken,
  NewEnrolmentToken,
  SubscriptionTerms,
  SubscriptionView,
} from "../../protocol/wire/customer.ts";
import { Channel, Name, roleName } from "../../protocol/wire/names.ts";
import type { Customer } from "../stores/customers.ts";
import { hashOf, noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { issueApiToken, newSecret } from "./tokens.ts";

const params = z.object({ customer: Name });
const tags = ["customers"];
const defaultGroup = "default";
const hour = 3_600_000;

const create = createRoute({
  method: "post",
  path: "/v1/customers",
  tags,
  summary: "Let a customer in",
  request: jsonBody(NewCustomer),
  responses: { 201: answer(CustomerView, "The customer, with its group `default`"), ...failure },
});

const list = createRoute({
  method: "get",
  path: "/v1/customers",
  tags,
  summary: "List the customers",
  request: { query: PageQuery },
  responses: { 200: answer(CustomerList, "One page; it goes on where there is a cursor"), ...failure },
});

const subscribe = createRoute({
  method: "put",
  path: "/v1/customers/{customer}/subscriptions/{vendor}/{product}/{channel}",
  tags,
  summary: "Give a customer a product's channel, or change its seats and end",
  request: {
    params: z.object({ customer: Name, vendor: Name, product: Name, channel: Channel }),
    ...jsonBody(SubscriptionTerms),
  },
  responses: { 200: answer(SubscriptionView, "The subscription as it is now"), ...failure },
});

const newEnrolmentToken = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/enrolment-tokens",
  tags,
  summary: "Make a token with which hosts enrol",
  request: { params, ...jsonBody(NewEnrolmentToken) },
  responses: { 201: answer(EnrolmentTokenCreated, "The token, shown this once"), ...failure },
});

const newApiToken = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/api-tokens",
  tags,
  summary: "Make a customer's API token, which also signs in to the portal",
  request: { params, ...jsonBody(NewCustomerToken) },
  responses: { 201: answer(NewApiToken, "The token, shown this once"), ...failure },
});

export function customerRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(create, async (c) => {
    const { customer, title } = c.req.valid("json");
    const created: Customer = {
      customer,
      title,
      createdAt: deps.now().getTime(),
      groups: { [defaultGroup]: { mode: "auto" } },
    };
    await deps.customers.create(created);
    return c.json(customerView(created), 201);
  });

  app.openapi(list, async (c) => {
    const { items, cursor } = await deps.customers.list(c.req.valid("query"));
    return c.json({ customers: items.map(customerView), ...(cursor !== undefined && { cursor }) }, 200);
  });

  app.openapi(subscribe, async (c) => {
    const { customer, vendor, product, channel } = c.req.valid("param");
    const { seats, endsAt } = c.req.valid("json");
    await existing(customer);
    await refuseUnknownChannel(vendor, product, channel);
    const end = endsAt === null ? null : new Date(endsAt);
    await deps.subscriptions.put({
      customer,
      stream: `${vendor}/${product}/${channel}`,
      seats,
      endsAt: end?.getTime() ?? null,
      createdAt: deps.now().getTime(),
    });
    return c.json({ customer, vendor, product, channel, seats, endsAt: end?.toISOString() ?? null }, 200);
  });

  app.openapi(newEnrolmentToken, async (c) => {
    const { customer, groups } = await existing(c.req.valid("param").customer);
    const { group = defaultGroup, uses = 1, expiresInHours = 24 } = c.req.valid("json");
    // A host in a group that nobody made would be planned for by no one's wish
    if (groups[group] === undefined) await deps.customers.setGroup(customer, group, { mode: "auto" });
    const secret = newSecret(deps.random);
    const createdAt = deps.now().getTime();
    const expiresAt = createdAt + expiresInHours * hour;
    const token = `suture-enrol.${secret}.${await deps.serviceRoot()}`;
    await deps.enrolments.create({ hash: hashOf(secret), customer, group, usesLeft: uses, expiresAt, createdAt });
    return c.json({ token, customer, group, uses, expiresAt: new Date(expiresAt).toISOString() }, 201);
  });

  app.openapi(newApiToken, async (c) => {
    const { customer } = await existing(c.req.valid("param").customer);
    const { role, label, expiresInHours } = c.req.valid("json");
    const token = await issueApiToken({ kind: "customer", tenant: customer, role }, { label, expiresInHours }, deps);
    return c.json(token, 201);
  });

  async function existing(name: string): Promise<Customer> {
    const customer = await deps.customers.get(name);
    if (customer === undefined) throw noSuch("customer", name);
    return customer;
  }

  /** A subscription to a name that is spelt wrong would never bring anything, and nobody would hear why. */
  async function refuseUnknownChannel(vendor: string, product: string, channel: Channel): Promise<void> {
    if ((await deps.vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    const targets = await deps.roles.get(vendor, "targets");
    const delegations = targets && readMetadata("targets", targets.body).signed.delegations?.roles;
    if (delegations?.[roleName(product, channel)] === undefined) {
      throw new SutureError("not-found", `${vendor} has no product ${product} with a channel ${channel}`);
    }
  }
}

function customerView({ createdAt, ...customer }: Customer): CustomerView {
  return { ...customer, createdAt: new Date(createdAt).toISOString() };
}
