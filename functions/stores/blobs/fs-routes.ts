import { Hono } from "hono";
import { SutureError } from "../../../protocol/errors.ts";
import { problemType, toProblem } from "../../../protocol/wire/problem.ts";
import type { ByteRange } from "./blobs.ts";
import type { FsBlobs } from "./fs.ts";
import { type Clock, checkUrl } from "./signed-url.ts";

/** Serves the URLs that `fsBlobs` signs: to be mounted at its `baseUrl`. The cloud has S3 for this. */
export function blobRoutes(blobs: FsBlobs, { secret, clock }: { secret: Uint8Array; clock: Clock }): Hono {
  const app = new Hono();

  app.get("/:key{.+}", async (c) => {
    const key = c.req.param("key");
    checkUrl({ method: "GET", key, query: c.req.query() }, { secret, now: clock() });
    const stat = await blobs.stat(key);
    if (!stat) throw new SutureError("not-found", `There is no blob ${key}`);
    const range = parseRange(c.req.header("range"), stat.size);
    if (range === "unsatisfiable") return c.body(null, 416, { "content-range": `bytes */${stat.size}` });
    const blob = await blobs.open(key, range);
    if (!blob) throw new SutureError("not-found", `There is no blob ${key}`);
    const { start, end } = range ?? { start: 0, end: blob.size };
    return c.body(blob.stream, range ? 206 : 200, {
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      "content-length": String(end - start),
      etag: `"${blob.etag}"`,
      ...(range && { "content-range": `bytes ${start}-${end - 1}/${blob.size}` }),
    });
  });

  app.put("/:key{.+}", async (c) => {
    const key = c.req.param("key");
    const content = checkUrl({ method: "PUT", key, query: c.req.query() }, { secret, now: clock() });
    if (!content) throw new SutureError("forbidden", "The URL does not say what may be uploaded");
    if (Number(c.req.header("content-length") ?? 0) > content.size) {
      throw new SutureError("too-large", `The upload is larger than the ${content.size} bytes announced`);
    }
    await blobs.receive(key, c.req.raw.body ?? new Blob([]).stream(), content);
    return c.body(null, 201);
  });

  app.onError((error, c) => {
    const problem = toProblem(error);
    if (problem.status >= 500) console.error(error);
    // The body of a refused upload may be unread: nobody should send another request after it.
    return c.json(problem, problem.status as 400, { "content-type": problemType, connection: "close" });
  });
  return app;
}

/** One range of bytes (RFC 9110, section 14.1.2); anything else asks for the whole, as the section allows. */
function parseRange(header: string | undefined, size: number): ByteRange | "unsatisfiable" | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  const range =
    first === ""
      ? { start: Math.max(size - Number(last), 0), end: size }
      : { start: Number(first), end: last === "" ? size : Math.min(Number(last) + 1, size) };
  return range.start < range.end ? range : "unsatisfiable";
}
