import { type Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { isSystemError } from "./proc.ts";

export type HttpRequest = {
  method: "GET" | "POST";
  url: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** a longer answer is refused while it is read */
  maxBytes: number;
  /** for the whole exchange, in milliseconds */
  timeout: number;
};
export type HttpResponse = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Uint8Array;
};

/** One exchange. Throws SutureError `unreachable` where there is no whole answer, `too-large` past `maxBytes`. */
export type Http = (request: HttpRequest) => Promise<HttpResponse>;

/** How a request gets to its server; with nothing said, directly. */
export type Way = {
  /** whose connections are used */
  agent?: Agent;
  /** a proxy that is asked for the whole address, as is done for what is not encrypted */
  forward?: URL;
  headers?: Readonly<Record<string, string>>;
  /** what a proxy is trusted by */
  ca?: string[];
};

/**
 * HTTP through node:http, which takes a third less memory than fetch. Redirects are answers like any other and never followed:
 * nobody sends the agent elsewhere.
 * @param wayTo the way to a server
 */
export function httpBy(wayTo: (target: URL) => Way): Http {
  return async (request) => {
    const target = new URL(request.url);
    const way = wayTo(target);
    try {
      return await exchange(request, target, way);
    } catch (error) {
      // A kept connection that the other side closed at the same moment: the request was never taken
      if (isSutureError(error, "unreachable") && error.data.reused === true)
        return await exchange(request, target, way);
      throw error;
    }
  };
}

/** HTTP without a proxy, to servers that the public authorities vouch for. */
export const nodeHttp: Http = httpBy(() => ({}));

function exchange(
  { method, headers = {}, body, maxBytes, timeout }: HttpRequest,
  target: URL,
  way: Way,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeout);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const { agent, forward, ca } = way;
    const options = {
      method,
      headers: { ...headers, ...way.headers, ...length, ...(forward && { host: target.host }) },
      signal,
      ...(agent && { agent }),
      ...(forward && { path: `${target.origin}${target.pathname}${target.search}` }),
      ...(ca && { ca }),
    };
    const server = forward ?? target;
    const request = (server.protocol === "https:" ? requestHttps : requestHttp)(server, options, (response) => {
      readBody(response, maxBytes).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
        (cause: unknown) => {
          request.destroy();
          reject(cause instanceof SutureError ? cause : unreachable(target, cause, false));
        },
      );
    });
    request.on("error", (cause) =>
      reject(unreachable(target, cause, request.reusedSocket && isSystemError(cause, "ECONNRESET", "EPIPE"))),
    );
    request.end(body);
  });
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) throw new SutureError("too-large", `The answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function unreachable(target: URL, cause: unknown, reused: boolean): SutureError {
  return new SutureError("unreachable", `${target.origin} cannot be reached`, { cause, data: { reused } });
}
