import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { SutureError } from "../../protocol/errors.ts";
import { Admission } from "./admission.ts";
import { admitting } from "./admitting.ts";

type Fetch = (request: Request, env: never) => Response | Promise<Response>;

/** A port of the loopback that is ours; until `serve` it answers 503. */
export type Listener = { url: string; serve(fetch: Fetch): void; close(): Promise<void> };

/**
 * How long a client may take, in milliseconds: for the head of a request, for all of it, and without a byte in either direction. The
 * largest body has two minutes at 300 kbit/s.
 */
const timeouts = { headersTimeout: 15_000, requestTimeout: 120_000 };
const idleTimeout = 120_000;
/** Then a connection is closed, and a client that stays takes another. */
const requestsOfConnection = 10_000;
const connectionsAtOnce = 10_000;

/**
 * Takes a port, on 127.0.0.1 unless told otherwise; 0 takes any free one.
 * @param admission what is worked on at once; the rest is answered 503
 * @throws SutureError `port-in-use`, `no-permission`
 */
export async function listen(port: number, host = "127.0.0.1", admission = new Admission()): Promise<Listener> {
  let current: Fetch = () => new Response("starting", { status: 503, headers: { "retry-after": "1" } });
  const answer = getRequestListener((request, env) => current(request, env as never));
  const server = createServer(timeouts, admitting(admission, answer));
  server.timeout = idleTimeout;
  server.maxRequestsPerSocket = requestsOfConnection;
  server.maxConnections = connectionsAtOnce;
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
      server.closeAllConnections();
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
