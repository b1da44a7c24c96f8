import { type Agent, type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setDefaultAutoSelectFamilyAttemptTimeout } from "node:net";
import { type Duplex, pipeline } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
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
  /** gets each part of the answer's body as it comes; returns whether it keeps the part, which the answer's body then lacks */
  onPart?: (part: Uint8Array, response: Pick<HttpResponse, "status" | "headers">) => boolean;
  /** an answer slower than this is given up, in bytes for each minute; without it only `timeout` counts */
  leastBytesAMinute?: number;
};
export type HttpResponse = {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Uint8Array;
};

/**
 * For each of a host's addresses, in milliseconds, before the next is tried. Node's own quarter of a second is shorter than a connection
 * over a satellite or a crowded line takes.
 */
setDefaultAutoSelectFamilyAttemptTimeout(3000);

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
  { method, headers = {}, body, timeout, ...limits }: HttpRequest,
  target: URL,
  way: Way,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeout);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const { agent, forward, ca } = way;
    const options = {
      method,
      headers: { ...unencoded, ...headers, ...way.headers, ...length, ...(forward && { host: target.host }) },
      signal,
      ...(agent && { agent }),
      ...(forward && { path: `${target.origin}${target.pathname}${target.search}` }),
      ...(ca && { ca }),
    };
    const server = forward ?? target;
    const request = (server.protocol === "https:" ? requestHttps : requestHttp)(server, options, (response) => {
      readBody(response, limits).then(
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

const unencoded = { "accept-encoding": "identity" };
/** Some proxies and mirrors encode what nobody asked them to. */
const decoders: Readonly<Record<string, () => Duplex>> = {
  gzip: createGunzip,
  "x-gzip": createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

type Limits = Pick<HttpRequest, "maxBytes" | "onPart" | "leastBytesAMinute">;

/** The body as it was before it was encoded. */
async function readBody(
  response: IncomingMessage,
  { maxBytes, onPart, leastBytesAMinute }: Limits,
): Promise<Uint8Array> {
  const { statusCode: status = 0, headers } = response;
  const parts: Buffer[] = [];
  let size = 0;
  let sizeAMinuteAgo = 0;
  const pace = setInterval(() => {
    const came = size - sizeAMinuteAgo;
    sizeAMinuteAgo = size;
    if (leastBytesAMinute !== undefined && came < leastBytesAMinute)
      response.destroy(new Error(`only ${came} bytes came within a minute`));
  }, 60_000);
  try {
    for await (const part of decoded(response) as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > maxBytes) throw new SutureError("too-large", `The answer is longer than ${maxBytes} bytes`);
      if (onPart?.(part, { status, headers }) !== true) parts.push(part);
    }
  } finally {
    clearInterval(pace);
  }
  return Buffer.concat(parts);
}

function decoded(response: IncomingMessage): NodeJS.ReadableStream {
  const encoding = (response.headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding === "identity" || encoding === "") return response;
  const decoder = decoders[encoding]?.();
  if (decoder === undefined) throw new Error(`the answer is encoded as ${encoding}, which was not asked for`);
  // an error of either ends the decoder, whose reader throws it
  return pipeline(response, decoder, () => {});
}

function unreachable(target: URL, cause: unknown, reused: boolean): SutureError {
  return new SutureError("unreachable", `${target.origin} cannot be reached`, { cause, data: { reused } });
}
