import { gunzipSync } from "node:zlib";
import { OpenAPIHono } from "@hono/zod-openapi";
import { expect, it, vi } from "vitest";
import { describeService } from "./openapi.ts";

it("the API's description is made once, tells who has it so, and is compressed for those who take that", async () => {
  const app = new OpenAPIHono();
  describeService(app);
  const making = vi.spyOn(app, "getOpenAPI31Document");
  const get = (headers: Record<string, string> = {}) => app.request("/openapi.json", { headers });
  const first = await get();
  const text = await first.text();
  expect(JSON.parse(text)).toMatchObject({ openapi: "3.1.0", paths: { "/v1/agent/poll": {} } });
  const etag = first.headers.get("etag") ?? "";
  const unchanged = await get({ "if-none-match": etag });
  expect([unchanged.status, await unchanged.text(), unchanged.headers.get("etag")]).toEqual([304, "", etag]);
  const small = await get({ "accept-encoding": "br, gzip;q=0.5" });
  expect(small.headers.get("content-encoding")).toBe("gzip");
  expect(gunzipSync(await small.arrayBuffer()).toString()).toBe(text);
  expect((await get({ "accept-encoding": "gzip;q=0, br" })).headers.get("content-encoding")).toBeNull();
  expect(making).toHaveBeenCalledTimes(1);
});
