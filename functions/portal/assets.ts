import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { Context, Handler } from "hono";
import { SutureError } from "../../protocol/errors.ts";
import { etagOf, hasEtag } from "../etag.ts";

type Asset = { path: string; type: string };
export type Assets = Readonly<Record<string, Asset>>;

const css = "text/css; charset=utf-8";
const js = "text/javascript; charset=utf-8";
const require = createRequire(import.meta.url);
const own = (name: string) => fileURLToPath(new URL(`./assets/${name}`, import.meta.url));

/** Everything that the portal's pages load: nothing comes from another host. */
export const portalAssets: Assets = {
  "pico.css": { path: require.resolve("@picocss/pico/css/pico.classless.min.css"), type: css },
  "portal.css": { path: own("portal.css"), type: css },
  "htmx.js": { path: require.resolve("htmx.org/dist/htmx.min.js"), type: js },
  "copy.js": { path: own("copy.js"), type: js },
  "export.js": { path: own("export.js"), type: js },
  "portal.js": { path: own("portal.js"), type: js },
  "suture.svg": { path: own("suture.svg"), type: "image/svg+xml" },
};

/** What the page that shows the API loads beside them. */
export const apiDocsAssets: Assets = {
  "swagger-ui.css": { path: require.resolve("swagger-ui-dist/swagger-ui.css"), type: css },
  "swagger-ui.js": { path: require.resolve("swagger-ui-dist/swagger-ui-bundle.js"), type: js },
  "api-docs.js": { path: own("api-docs.js"), type: js },
};

/** Serves `:name` out of `assets`. Each is read once, and a browser that has it is told so. */
export function serveAssets(assets: Assets): Handler {
  const loaded = new Map<string, Promise<{ bytes: Buffer<ArrayBuffer>; etag: string }>>();
  return async (c: Context) => {
    const name = c.req.param("name") ?? "";
    const asset = Object.hasOwn(assets, name) ? assets[name] : undefined;
    if (asset === undefined) throw new SutureError("not-found", `There is no file ${name}.`);
    const loading = loaded.get(name) ?? load(asset.path);
    loaded.set(name, loading);
    const { bytes, etag } = await loading;
    const headers = { etag, "cache-control": "no-cache" };
    if (hasEtag(c, etag)) return c.body(null, 304, headers);
    return c.body(bytes, 200, { ...headers, "content-type": asset.type });
  };
}

async function load(path: string): Promise<{ bytes: Buffer<ArrayBuffer>; etag: string }> {
  const bytes = await readFile(path);
  return { bytes, etag: etagOf(bytes) };
}
