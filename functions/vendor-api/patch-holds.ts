import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { Channel, Name } from "../../protocol/wire/names.ts";
import { PatchHoldTerms, PatchHoldView } from "../../protocol/wire/rollout.ts";
import { PatchName } from "../../protocol/wire/vendor.ts";
import { isHeldForEveryone, type PatchHold } from "../stores/patch-holds.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

const path = "/v1/vendors/{vendor}/patches/{product}/{channel}/{patch}/hold";
const params = z.object({ vendor: Name, product: Name, channel: Channel, patch: PatchName });
const tags = ["rollouts"];
const example: PatchHoldView = {
  patch: "acme/echod/stable/bounds-check@4",
  held: true,
  byVendor: false,
  halts: 3,
};

export const get = createRoute({
  method: "get",
  path,
  tags,
  summary: "Say whether a patch is held for everyone, and how many customers halted it",
  request: { params },
  responses: { 200: answer(PatchHoldView, "The hold", example), ...failure },
});
export const put = createRoute({
  method: "put",
  path,
  tags,
  summary: "Stop a patch for everyone, or answer those who halted it and let it go on",
  description: "Customers' own halts stand: each resumes its own.",
  request: {
    params,
    ...jsonBody(PatchHoldTerms, { held: false, answer: "It was a fault of one kernel, fixed in @5" }),
  },
  responses: { 200: answer(PatchHoldView, "The hold as it is now", example), ...failure },
});

export function patchHoldRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(get, async (c) => c.json(view(await deps.patchHolds.get(await existing(c.req.valid("param")))), 200));
  app.openapi(put, async (c) => {
    const id = await existing(c.req.valid("param"));
    const { held, answer: said } = c.req.valid("json");
    return c.json(view(await (held ? deps.patchHolds.hold(id, said) : deps.patchHolds.release(id, said))), 200);
  });

  async function existing({ vendor, product, channel, patch }: z.infer<typeof params>): Promise<string> {
    const id = `${vendor}/${product}/${channel}/${patch}`;
    if ((await deps.patches.get(id)) === undefined) throw new SutureError("not-found", `There is no patch ${id}`);
    return id;
  }
}

function view(hold: PatchHold): PatchHoldView {
  const { id, byVendor, customers, answer: said } = hold;
  return {
    patch: id,
    held: isHeldForEveryone(hold),
    byVendor,
    halts: customers.length,
    ...(said !== undefined && { answer: said }),
  };
}
