import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { SutureError } from "../../protocol/errors.ts";
import { Name } from "../../protocol/wire/names.ts";
import { UploadsAnswer, UploadsRequest } from "../../protocol/wire/vendor.ts";
import type { VendorApiDeps } from "./deps.ts";
import * as examples from "./examples.ts";
import { answer, failure, jsonBody } from "./openapi.ts";

/** The largest bundle over a slow line takes a while. */
const urlSeconds = 3600;

export const uploads = createRoute({
  method: "post",
  path: "/v1/vendors/{vendor}/uploads",
  tags: ["vendors"],
  summary: "Ask where bundles are to be uploaded",
  description: "A bundle that is there already needs no upload. A URL takes exactly the bytes of its SHA-256, once.",
  request: { params: z.object({ vendor: Name }), ...jsonBody(UploadsRequest, examples.uploadsRequest) },
  responses: {
    200: answer(UploadsAnswer, "For each bundle, in the same order: there already, or where it goes", examples.uploads),
    ...failure,
  },
});

export function uploadRoutes(app: OpenAPIHono, { blobs }: VendorApiDeps): void {
  app.openapi(uploads, async (c) => {
    const { bundles } = c.req.valid("json");
    const answers = bundles.map(async ({ sha256, size }) => {
      const stored = await blobs.stat(bundleKey(sha256));
      if (stored === undefined) {
        const upload = await blobs.presignPut(bundleKey(sha256), { sha256, size, expiresInSeconds: urlSeconds });
        return { sha256, present: false as const, ...upload };
      }
      if (stored.size !== size) {
        throw new SutureError("invalid-request", `The bundle ${sha256} has ${stored.size} bytes, not ${size}`);
      }
      return { sha256, present: true as const };
    });
    return c.json({ uploads: await Promise.all(answers) }, 200);
  });
}

/** Where the blob store keeps a bundle. */
export function bundleKey(sha256: string): string {
  return `bundles/${sha256}`;
}
