import { readFile } from "node:fs/promises";
import { join, normalize } from "node:path";
import { listen } from "../../../infra/local/listen.ts";

/** Files and nothing else, as a CDN or any web server has them. */
type StaticFiles = { url: string; stop(): Promise<void> };

/**
 * Serves folders under path prefixes, such as `{ "/tuf/": "/srv/mirror/tuf" }`, whatever a query says; all else is 503.
 * @param port 0 takes any free one
 */
export async function serveStatic(port: number, folders: Readonly<Record<string, string>>): Promise<StaticFiles> {
  const listener = await listen(port);
  listener.serve(async (request) => {
    const path = new URL(request.url).pathname;
    const [prefix, folder] = Object.entries(folders).find(([each]) => path.startsWith(each)) ?? [];
    if (prefix === undefined || folder === undefined) return new Response("gone", { status: 503 });
    const bytes = await readFile(join(folder, normalize(path.slice(prefix.length)))).catch(() => undefined);
    return bytes === undefined ? new Response("none", { status: 404 }) : new Response(bytes);
  });
  return { url: listener.url, stop: () => listener.close() };
}
