import { type IncomingMessage, request as requestHttp } from "node:http";
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

/**
 * HTTP through node:http, which takes a third less memory than fetch. Redirects are answers like any other and never followed:
 * nobody sends the agent elsewhere.
 */
export const nodeHttp: Http = async (request) => {
  try {
    return await exchange(request);
  } catch (error) {
    // A kept connection that the other side closed at the same moment: the request was never taken
    if (isSutureError(error, "unreachable") && error.data.reused === true) return await exchange(request);
    throw error;
  }
};

function exchange({ method, url, headers = {}, body, maxBytes, timeout }: HttpRequest): Promise<HttpResponse> {
  const target = new URL(url);
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeout);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const options = { method, headers: { ...headers, ...length }, signal };
    const request = (target.protocol === "https:" ? requestHttps : requestHttp)(target, options, (response) => {
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
