import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { OperatorRole, PlanKeysAsked, ServiceRole, ServiceView } from "../../protocol/wire/service.ts";
import { RoleAccepted, RoleUpdate, RoleView } from "../../protocol/wire/vendor.ts";
import { serviceRepository } from "../jobs/service-repository.ts";
import { acceptServiceUpdate } from "./accept-service-update.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const tags = ["service"];
const rolePath = "/v1/service/metadata/{serviceRole}";
const shown = { role: "vendors", version: 3, acceptedAt: "2026-11-25T09:00:00.000Z", expires: "2027-05-24T09:00:00Z" };

export const get = createRoute({
  method: "get",
  path: "/v1/service",
  tags,
  summary: "Show the service's own repository: its online keys, and the versions of its roles",
  responses: {
    200: answer(ServiceView, "The repository", { onlineKeys: examples.serviceKeys, roles: [shown] }),
    ...failure,
  },
});

export const getRole = createRoute({
  method: "get",
  path: rolePath,
  tags,
  summary: "Read the newest accepted version of one of the service's own roles",
  request: { params: z.object({ serviceRole: ServiceRole }) },
  responses: { 200: answer(RoleView, "The role as it was signed", { ...examples.role, role: "vendors" }), ...failure },
});

export const putRole = createRoute({
  method: "put",
  path: rolePath,
  tags,
  summary: "Send the next version of a role that operators sign offline",
  description:
    "The signatures are the proof: the sign-in alone changes nothing. Version 1 of the root founds the service.",
  request: { params: z.object({ serviceRole: OperatorRole }), ...jsonBody(RoleUpdate, { text: examples.role.text }) },
  responses: {
    200: answer(RoleAccepted, "Accepted; it goes live with the next publish", { role: "vendors", version: 4 }),
    ...failure,
  },
});

export const rotatePlanKeys = createRoute({
  method: "post",
  path: "/v1/service/plan-keys",
  tags,
  summary: "Replace the key that signs plans, at once",
  description:
    "For a key that may be stolen: the old one is announced no more, and agents refuse its plans from then on.",
  responses: { 202: answer(PlanKeysAsked, "The hourly job does it now", { asked: true }), ...failure },
});

export function serviceRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const roles = await deps.roles.listAll(serviceRepository);
    return c.json(
      {
        onlineKeys: await deps.serviceKeys(),
        roles: roles.map(({ role, version, acceptedAt, body }) => ({
          role,
          version,
          acceptedAt: new Date(acceptedAt).toISOString(),
          expires: readMetadata(role === "root" ? "root" : "targets", body).signed.expires,
        })),
      },
      200,
    );
  });

  app.openapi(getRole, async (c) => {
    const { serviceRole: role } = c.req.valid("param");
    const accepted = await deps.roles.get(serviceRepository, role);
    if (accepted === undefined) throw new SutureError("not-found", `The service has no ${role} yet`);
    return c.json({ role, version: accepted.version, text: accepted.body }, 200);
  });

  app.openapi(putRole, async (c) => {
    const by = c.get("signIn").label;
    return c.json(
      await acceptServiceUpdate(c.req.valid("param").serviceRole, c.req.valid("json"), { ...deps, by }),
      200,
    );
  });

  app.openapi(rotatePlanKeys, async (c) => {
    await deps.rotatePlanKeys();
    return c.json({ asked: true as const }, 202);
  });
}
