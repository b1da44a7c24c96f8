import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { Name } from "../../protocol/wire/names.ts";
import { VendorStopTerms, VendorStopView } from "../../protocol/wire/recalls.ts";
import type { OperatorStatement } from "../stores/recalls.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { operatorStatements, say } from "./operator-statements.ts";

const path = "/v1/vendors/{vendor}/stop";
const tags = ["recalls"];
const params = z.object({ vendor: Name });
const example: VendorStopView = {
  vendor: "acme",
  stopped: true,
  reason: "Its publishing key was stolen",
  at: "2026-11-25T09:00:00.000Z",
  public: true,
};

export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Say whether a vendor is stopped",
  request: { params },
  responses: { 200: answer(VendorStopView, "The stop", example), ...failure },
});
export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Stop a whole vendor in an emergency, or lift that",
  description: "Nothing of a stopped vendor is newly applied anywhere. What is applied stays, and may be recalled.",
  request: { params, ...jsonBody(VendorStopTerms, { stopped: true, reason: "Its publishing key was stolen" }) },
  responses: { 200: answer(VendorStopView, "The stop as it is now", { ...example, public: false }), ...failure },
});

export function vendorStopRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => {
    const vendor = await existing(c.req.valid("param").vendor);
    return c.json(view(vendor, await operatorStatements(deps)), 200);
  });

  app.openapi(put, async (c) => {
    const vendor = await existing(c.req.valid("param").vendor);
    const { stopped, reason } = c.req.valid("json");
    const said = await operatorStatements(deps);
    if (view(vendor, said).stopped === stopped) return c.json(view(vendor, said), 200);
    const at = deps.now().getTime();
    const statement = await say({ kind: stopped ? "stop" : "lift", vendor, reason, at }, deps);
    return c.json(view(vendor, [...said, statement]), 200);
  });

  async function existing(vendor: string): Promise<string> {
    if ((await deps.vendors.get(vendor)) === undefined) throw noSuch("vendor", vendor);
    return vendor;
  }
}

function view(vendor: string, statements: readonly OperatorStatement[]): VendorStopView {
  const newest = statements.findLast((each) => each.kind !== "recall" && each.vendor === vendor);
  if (newest === undefined) return { vendor, stopped: false, public: true };
  const { kind, reason, at, publicAt } = newest;
  const isPublic = publicAt !== undefined;
  return { vendor, stopped: kind === "stop", reason, at: new Date(at).toISOString(), public: isPublic };
}
