import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { PageQuery } from "../../protocol/wire/account.ts";
import { ExpiryList, VendorExpiries } from "../../protocol/wire/expiry.ts";
import { Name } from "../../protocol/wire/names.ts";
import { endingOf, signedRolesOf } from "../domain/expiry.ts";
import { serviceRepository } from "../jobs/service-repository.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure } from "./openapi.ts";

const example: ExpiryList = {
  roles: [
    {
      repository: "acme",
      role: "echod.stable",
      version: 7,
      expires: "2027-01-20T09:00:00.000Z",
      ending: "ends-in-60-days",
      keys: 3,
      threshold: 2,
    },
  ],
};
const tags = ["expiries"];

export const list = createRoute({
  method: "get",
  path: "/v1/expiries",
  tags,
  summary: "List until when each signed role is valid: the service's own, then every vendor's",
  request: { query: PageQuery },
  responses: {
    200: answer(ExpiryList, "One page, what ends first at its top; it goes on where there is a cursor", example),
    ...failure,
  },
});

export const get = createRoute({
  method: "get",
  path: "/v1/vendors/{vendor}/expiries",
  tags,
  summary: "List until when each role that a vendor signed is valid",
  request: { params: z.object({ vendor: Name }) },
  responses: {
    200: answer(VendorExpiries, "The roles, what ends first at the top", { vendor: "acme", ...example }),
    ...failure,
  },
});

export function expiryRoutes(app: OpenAPIHono, { vendors, roles, now }: VendorApiDeps): void {
  app.openapi(list, async (c) => {
    const query = c.req.valid("query");
    const { items, cursor } = await vendors.list(query);
    const names = [...(query.cursor === undefined ? [serviceRepository] : []), ...items.map(({ vendor }) => vendor)];
    return c.json({ roles: await expiriesOf(names), ...(cursor !== undefined && { cursor }) }, 200);
  });

  app.openapi(get, async (c) => {
    const { vendor } = c.req.valid("param");
    if ((await vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    return c.json({ vendor, roles: await expiriesOf([vendor]) }, 200);
  });

  async function expiriesOf(names: readonly string[]): Promise<ExpiryList["roles"]> {
    const found = await Promise.all(names.map(async (name) => signedRolesOf(name, await roles.listAll(name))));
    return found
      .flat()
      .toSorted((one, other) => one.expires - other.expires)
      .map(({ expires, ...role }) => ({
        ...role,
        expires: new Date(expires).toISOString(),
        ending: endingOf(expires, now().getTime()),
      }));
  }
}
