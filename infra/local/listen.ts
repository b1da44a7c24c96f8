import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import { SutureError } from "../../protocol/errors.ts";

type Fetch = (request: Request, env: never) => Response | Promise<Response>;

/** A port of the loopback that is ours; until `serve` it answers 503. */
export type Listener = { url: string; serve(fetch: Fetch): void; close(): Promise<void> };

/**
 * Takes a port, on 127.0.0.1 unless told otherwise; 0 takes any free one.
 * @throws SutureError `port-in-use`, `no-permission`
 */
export async function listen(port: number, host = "127.0.0.1"): Promise<Listener> {
  let current: Fetch = () => new Response("starting", { status: 503, headers: { "retry-after": "1" } });
  const server = createAdaptorServer({ fetch: (request, env) => current(request, env as never) });
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw refusal(port, cause);
  }
  const address = server.address();
  if (address === null || typeof address === "string") throw new SutureError("internal", "The server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    serve(fetch) {
      current = fetch;
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}

function refusal(port: number, cause: unknown): SutureError {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  if (code === "EADDRINUSE") {
    return new SutureError(
      "port-in-use",
      `Port ${port} is in use. Stop what listens there, or choose another with --port N.`,
      { cause },
    );
  }
  if (code === "EACCES") {
    return new SutureError("no-permission", `Port ${port} is not yours to take. Choose one above 1023 with --port N.`, {
      cause,
    });
  }
  return new SutureError("internal", `Port ${port} cannot be opened`, { cause });
}
