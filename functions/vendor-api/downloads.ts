import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { DownloadsAnswer, DownloadsRequest } from "../../protocol/wire/mirror.ts";
import { Name } from "../../protocol/wire/names.ts";
import { unchanged } from "../domain/poll.ts";
import { PlanInputsCache } from "../plan-inputs.ts";
import { noSuch } from "./auth.ts";
import type { VendorApiDeps } from "./deps.ts";
import { answer, failure, jsonBody } from "./openapi.ts";
import { bundleKey } from "./uploads.ts";

/** A mirror fetches many bundles, one after the other. */
const urlSeconds = 3600;
const digest = "ab".repeat(32);

export const downloads = createRoute({
  method: "post",
  path: "/v1/customers/{customer}/downloads",
  tags: ["mirrors"],
  summary: "Ask where bundles can be read, for a mirror",
  description: "What no running subscription covers is left out. A URL works for an hour.",
  request: { params: z.object({ customer: Name }), ...jsonBody(DownloadsRequest, { bundles: [digest] }) },
  responses: {
    200: answer(DownloadsAnswer, "Where each is", {
      downloads: [{ sha256: digest, url: "https://suture.example.com/blobs/bundles/…" }],
    }),
    ...failure,
  },
});

export function downloadRoutes(app: OpenAPIHono, deps: VendorApiDeps): void {
  app.openapi(downloads, async (c) => {
    const { customer } = c.req.valid("param");
    if ((await deps.customers.get(customer)) === undefined) throw noSuch("customer", customer);
    const covered = await coveredBundles(customer);
    const wanted = c.req.valid("json").bundles.filter((sha256) => covered.has(sha256));
    const links = wanted.map(async (sha256) => ({
      sha256,
      url: await deps.blobs.presignGet(bundleKey(sha256), { expiresInSeconds: urlSeconds }),
    }));
    return c.json({ downloads: await Promise.all(links) }, 200);
  });

  /** The bundles of whatever is live in the channels that the customer may have now. */
  async function coveredBundles(customer: string): Promise<Set<string>> {
    const inputs = new PlanInputsCache(deps);
    const now = deps.now().getTime() / 1000;
    const { subscriptions } = await inputs.account(customer, unchanged);
    const streams = subscriptions.filter(({ endsAt }) => endsAt === null || endsAt > now).map(({ stream }) => stream);
    const live = (await inputs.patches(streams, unchanged)).filter(({ state }) => state === "live");
    return new Set(live.flatMap(({ manifest }) => manifest.variants.map(({ bundle }) => bundle.sha256)));
  }
}
