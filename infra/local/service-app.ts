import { OpenAPIHono } from "@hono/zod-openapi";
import type { Hono } from "hono";
import { eachAddress } from "../../functions/failed-auth-limit.ts";
import { metadataKey } from "../../functions/jobs/online-metadata.ts";
import { describeService } from "../../functions/openapi.ts";
import type { apiDocs } from "../../functions/portal/api-docs.tsx";
import type { portal } from "../../functions/portal/app.tsx";
import { answerProblem } from "../../functions/problem.ts";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";
import type { vendorApi } from "../../functions/vendor-api/app.ts";

type Parts = {
  agents: Hono;
  vendors: ReturnType<typeof vendorApi>;
  pages: ReturnType<typeof portal>;
  docs: ReturnType<typeof apiDocs>;
  blobs: Hono;
  /** what stands behind the static repository: on AWS the CDN */
  publicFiles: Blobs;
};

/** What one address may read of the repositories; on AWS the CDN answers for them. A fleet behind one address updates at once. */
const publicFilesRate = { perSecond: 100, burst: 5000 };

/** The whole service under one origin: each function's app, the static repositories, and the API's description. */
export function serviceApp({ agents, vendors, pages, docs, blobs, publicFiles }: Parts): OpenAPIHono {
  const app = new OpenAPIHono();
  app.onError(answerProblem);
  app.use("/tuf/*", eachAddress(publicFilesRate, Date.now));
  app.get("/tuf/:repository/:name{.+}", async (c) => {
    const { repository, name } = c.req.param();
    const file = await publicFiles.get(metadataKey(repository, name)).catch(() => undefined);
    // Plain 404 without caching: a missing root means that there is no newer one yet
    if (file === undefined) return c.text("not found", 404, { "cache-control": "no-store" });
    const cache = name === "timestamp.json" ? "no-cache" : "public, max-age=31536000, immutable";
    return c.body(Buffer.from(file.bytes), 200, { "content-type": "application/json", "cache-control": cache });
  });
  app.route("/", agents);
  app.route("/", vendors);
  app.route("/blobs", blobs);
  app.route("/docs", docs);
  describeService(app);
  app.route("/", pages);
  return app;
}
