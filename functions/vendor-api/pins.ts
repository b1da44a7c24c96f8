import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Name } from "../../protocol/wire/names.ts";
import { PinList, PinTerms, PinView } from "../../protocol/wire/policy.ts";
import { openCves } from "../domain/pin.ts";
import { collect } from "../stores/page.ts";
import type { StoredPin } from "../stores/pins.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { namedRows } from "./named-rows.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const path = "/v1/customers/{customer}/pins/{pin}";
const params = z.object({ customer: Name, pin: Name });
const tags = ["rollouts"];
const terms: PinTerms = {
  patch: "acme/echod/bounds-check",
  newest: 3,
  group: "db",
  reason: "Version 4 is tested by us first",
  until: "2027-01-31T00:00:00Z",
};
const example: PinView = { name: "db-freeze", ...terms, openCves: ["CVE-2026-12345"] };

export const list = createRoute({
  method: "get",
  path: "/v1/customers/{customer}/pins",
  tags,
  summary: "List a customer's pins, and the CVEs that each leaves open",
  request: { params: z.object({ customer: Name }), query: PageQuery },
  responses: { 200: answer(PinList, "One page; it goes on where there is a cursor", { pins: [example] }), ...failure },
});
export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Show a pin, and the CVEs that it leaves open",
  request: { params },
  responses: { 200: answer(PinView, "The pin", example), ...failure },
});
export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Keep a patch from machines until a day",
  request: { params, ...jsonBody(PinTerms, terms) },
  responses: { 200: answer(PinView, "The pin as it is now", example), ...failure },
});
export const remove = createRoute({
  method: "delete",
  path,
  tags,
  summary: "End a pin",
  request: { params },
  responses: { 200: answer(PinView, "The pin as it was", example), ...failure },
});

export function pinRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const { customer } = c.req.valid("param");
    await refuseUnknown(customer);
    const { items, cursor } = await deps.pins.list(customer, c.req.valid("query"));
    const pins = await Promise.all(items.map(namedRows("pins", (pin) => view(customer, pin))));
    return c.json({ pins, ...(cursor !== undefined && { cursor }) }, 200);
  });
  app.openapi(get, async (c) => {
    const { customer, pin } = c.req.valid("param");
    return c.json(await view(customer, await existing(customer, pin)), 200);
  });
  app.openapi(put, async (c) => {
    const { customer, pin: name } = c.req.valid("param");
    await refuseUnknown(customer);
    const pin = { name, ...c.req.valid("json") };
    await deps.pins.put(customer, pin);
    return c.json(await view(customer, pin), 200);
  });
  app.openapi(remove, async (c) => {
    const { customer, pin } = c.req.valid("param");
    const before = await view(customer, await existing(customer, pin));
    await deps.pins.remove(customer, pin);
    return c.json(before, 200);
  });

  /** What is subscribed to is what a pin can keep out. */
  async function view(customer: string, pin: StoredPin): Promise<PinView> {
    const product = pin.patch.slice(0, pin.patch.lastIndexOf("/"));
    const subscriptions = await collect((page) => deps.subscriptions.listByCustomer(customer, page));
    const streams = subscriptions.map(({ stream }) => stream).filter((stream) => stream.startsWith(`${product}/`));
    const patches = streams.map((stream) => collect((page) => deps.patches.listByStream(stream, page)));
    return { ...pin, openCves: openCves(pin, (await Promise.all(patches)).flat()) };
  }
  async function existing(customer: string, name: string): Promise<StoredPin> {
    const found = await deps.pins.get(customer, name);
    if (found === undefined) throw new SutureError("not-found", `${customer} has no pin ${name}`);
    return found;
  }
  async function refuseUnknown(customer: string): Promise<void> {
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
  }
}
