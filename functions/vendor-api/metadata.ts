import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { Name } from "../../protocol/wire/names.ts";
import { RoleAccepted, RoleName, RoleUpdate, RoleView } from "../../protocol/wire/vendor.ts";
import { acceptUpdate } from "./accept-update.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { recallsText } from "./role-files.ts";

const params = z.object({ vendor: Name, role: RoleName });
const path = "/v1/vendors/{vendor}/metadata/{role}";
const tags = ["vendors"];

export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Read the newest accepted version of a role",
  request: { params },
  responses: { 200: answer(RoleView, "The role as it was signed", examples.role), ...failure },
});

export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Send the next version of a role",
  description:
    "Of two publishers one wins; the other hears `conflict` with `version`, the newest, and edits that one. Bundles are uploaded before.",
  request: { params, ...jsonBody(RoleUpdate, examples.roleUpdate) },
  responses: {
    200: answer(RoleAccepted, "Accepted; it goes live with the next publish", examples.roleAccepted),
    ...failure,
  },
});

export function metadataRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const { vendor, role } = c.req.valid("param");
    if ((await deps.vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    const accepted = await deps.roles.get(vendor, role);
    if (accepted === undefined) throw new SutureError("not-found", `${vendor} has no ${role} yet`);
    const { version, body } = accepted;
    const isChannel = role !== "root" && role !== "targets";
    const recalls = isChannel ? await recallsText(vendor, readMetadata("targets", body).signed, deps.blobs) : undefined;
    return c.json({ role, version, text: body, ...(recalls !== undefined && { recalls }) }, 200);
  });

  app.openapi(put, async (c) => {
    const { vendor: name, role } = c.req.valid("param");
    const vendor = await deps.vendors.get(name);
    if (vendor === undefined) throw noSuch("vendor", name);
    const by = c.get("signIn").label;
    return c.json(await acceptUpdate(vendor, role, c.req.valid("json"), { ...deps, by }), 200);
  });
}
