import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { PageQuery } from "../../protocol/wire/account.ts";
import { Channel, Name, parsePatchId } from "../../protocol/wire/names.ts";
import {
  NewVendor,
  PatchDetail,
  PatchList,
  PatchName,
  VendorCreated,
  VendorList,
  VendorView,
} from "../../protocol/wire/vendor.ts";
import { namedIn } from "../domain/online-keys.ts";
import { wanted } from "../domain/promotion.ts";
import type { PatchRecord } from "../stores/patches.ts";
import type { Vendor } from "../stores/vendors.ts";
import { adoptionOf } from "./adoption.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { healthyMachines } from "./evidence.ts";
import * as examples from "./examples.ts";
import { namedRows } from "./named-rows.ts";
import { newOnlineKeys, publicHalves } from "./online-keys.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { issueApiToken } from "./tokens.ts";

const params = z.object({ vendor: Name });
const tags = ["vendors"];
const publisherTokenHours = 365 * 24;

export const create = createRoute({
  method: "post",
  path: "/v1/vendors",
  tags,
  summary: "Let a vendor in",
  description: "Makes the vendor's snapshot and timestamp keys, which its root must name, and a publisher's API token.",
  request: jsonBody(NewVendor, examples.newVendor),
  responses: {
    201: answer(VendorCreated, "The vendor, its online keys and its first token", examples.vendorCreated),
    ...failure,
  },
});

export const get = createRoute({
  method: "get",
  path: "/v1/vendors/{vendor}",
  tags,
  summary: "Show a vendor and the versions of what it signed",
  request: { params },
  responses: { 200: answer(VendorView, "The vendor", examples.vendor), ...failure },
});

export const list = createRoute({
  method: "get",
  path: "/v1/vendors",
  tags,
  summary: "List the vendors",
  request: { query: PageQuery },
  responses: { 200: answer(VendorList, "One page; it goes on where there is a cursor", examples.vendors), ...failure },
});

export const listPatches = createRoute({
  method: "get",
  path: "/v1/vendors/{vendor}/patches",
  tags,
  summary: "List a vendor's patches that are or were live",
  request: { params, query: PageQuery },
  responses: { 200: answer(PatchList, "One page; it goes on where there is a cursor", examples.patches), ...failure },
});

export const getPatch = createRoute({
  method: "get",
  path: "/v1/vendors/{vendor}/patches/{product}/{channel}/{patch}",
  tags,
  summary: "Show a patch, its manifest, and the evidence for its promotion",
  request: { params: params.extend({ product: Name, channel: Channel, patch: PatchName }) },
  responses: { 200: answer(PatchDetail, "The patch", examples.patchDetail), ...failure },
});

export function vendorRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(create, async (c) => {
    const { vendor, title } = c.req.valid("json");
    const onlineKeys = await newOnlineKeys(vendor, deps.keys);
    await deps.vendors.create({ vendor, title, createdAt: deps.now().getTime(), onlineKeys });
    const principal = { kind: "vendor", tenant: vendor, role: "publisher" } as const;
    const issue = { label: "first publisher", expiresInHours: publisherTokenHours };
    const { token } = await issueApiToken(principal, issue, deps);
    return c.json({ vendor, title, onlineKeys: publicHalves(onlineKeys), token }, 201);
  });

  app.openapi(get, async (c) => {
    const vendor = await existing(c.req.valid("param").vendor);
    const roles = await deps.roles.listAll(vendor.vendor);
    return c.json(
      {
        vendor: vendor.vendor,
        title: vendor.title,
        onlineKeys: publicHalves(namedIn(roles.find(({ role }) => role === "root")?.body, vendor)),
        roles: roles.map(({ role, version, acceptedAt }) => ({
          role,
          version,
          acceptedAt: new Date(acceptedAt).toISOString(),
        })),
      },
      200,
    );
  });

  app.openapi(list, async (c) => {
    const { items, cursor } = await deps.vendors.list(c.req.valid("query"));
    const vendors = items.map(
      namedRows("vendors", ({ vendor, title, createdAt }) => ({
        vendor,
        title,
        createdAt: new Date(createdAt).toISOString(),
      })),
    );
    return c.json({ vendors, ...(cursor !== undefined && { cursor }) }, 200);
  });

  app.openapi(listPatches, async (c) => {
    const { vendor } = await existing(c.req.valid("param").vendor);
    const { items, cursor } = await deps.patches.listByVendor(vendor, c.req.valid("query"));
    return c.json(
      { patches: items.map(namedRows("patches", patchView)), ...(cursor !== undefined && { cursor }) },
      200,
    );
  });

  app.openapi(getPatch, async (c) => {
    const { vendor, product, channel, patch } = c.req.valid("param");
    const id = `${vendor}/${product}/${channel}/${patch}`;
    const found = await deps.patches.get(id);
    if (found === undefined) throw new SutureError("not-found", `There is no patch ${id}`);
    const healthy = await healthyMachines(vendor, { ...found.manifest, channel: "stable" }, deps);
    const evidence = { healthy, machines: wanted.machines, hours: wanted.seconds / 3600 };
    const { manifest, manifestSha256, manifestLength } = found;
    const adoption = await adoptionOf(id, deps);
    return c.json({ ...patchView(found), manifest, manifestSha256, manifestLength, evidence, adoption }, 200);
  });

  async function existing(name: string): Promise<Vendor> {
    const vendor = await deps.vendors.get(name);
    if (vendor === undefined) throw noSuch("vendor", name);
    return vendor;
  }
}

function patchView({ id, manifest, state, liveAt, withdrawnAt, reason }: PatchRecord) {
  const { product, channel } = parsePatchId(id);
  const { title, severity, cves } = manifest;
  return {
    id,
    product,
    channel,
    title,
    severity,
    cves,
    state,
    liveAt: new Date(liveAt).toISOString(),
    ...(withdrawnAt !== undefined && { withdrawnAt: new Date(withdrawnAt).toISOString() }),
    ...(reason !== undefined && { reason }),
  };
}
