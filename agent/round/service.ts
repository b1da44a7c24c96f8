import type { z } from "zod";
import { isSutureError, SutureError } from "../../protocol/errors.ts";
import { statementMediaType } from "../../protocol/trust/request.ts";
import { CheckInAnswer, nextPollHeader, ticketHeader } from "../../protocol/wire/check-in.ts";
import { EnrolAnswer, RetireAnswer } from "../../protocol/wire/enrol.ts";
import { parseJson } from "../../protocol/wire/parse.ts";
import { fromProblem } from "../../protocol/wire/problem.ts";
import { ReportAnswer } from "../../protocol/wire/report.ts";
import type { Http, HttpRequest, HttpResponse } from "../system/http.ts";

const requestTimeout = 30_000;
/** For a download that never stalls: a round that takes longer keeps recalls waiting. */
const downloadTimeout = 1_800_000;
/** Slower than this, in bytes a minute, is a stall. */
const leastBytesAMinute = 60 * 1024;
/** A plan of 2,000 actions with the metadata of many vendors stays far below this; bytes. */
const maxAnswer = 16 * 1024 * 1024;

/** Where a ticket is shown. */
export const pollPath = "/v1/agent/poll";

type Poll = { checkIn: true } | { checkIn: false; nextPollSeconds: number | undefined };

/**
 * The service as the agent sees it. Every method throws the SutureError that the service answered, or `unreachable`,
 * `unavailable`; `data.retryAfter` holds the seconds that it asked for.
 */
export type Service = {
  enrol(jws: string): Promise<EnrolAnswer>;
  poll(ticket: string): Promise<Poll>;
  checkIn(jws: string): Promise<CheckInAnswer>;
  report(jws: string): Promise<ReportAnswer>;
  retire(jws: string): Promise<RetireAnswer>;
  /** A public file of a repository by its name there; undefined where there is none. Throws `too-large` past `maxBytes`. */
  publicFile(repository: string, name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Whether the last public file came from a mirror. */
  usesMirror(): boolean;
  /** The bytes behind a signed URL. Throws `too-large` past `maxBytes`. */
  download(url: string, maxBytes: number): Promise<Uint8Array>;
  /** A mirror's copy of a bundle, whatever it is worth; undefined where there is none. */
  mirroredBundle(sha256: string, maxBytes: number): Promise<Uint8Array | undefined>;
};

/**
 * The service at an address such as `https://suture.example.com`.
 * @param agentUrl where the agents' API is at the moment, if not there
 */
export function httpService(server: string, http: Http, agentUrl: () => string | undefined = () => undefined): Service {
  const at = (path: string) => new URL(path, server).href;
  const atAgentApi = (path: string) => new URL(path, agentUrl() ?? server).href;
  const ask = async (request: HttpRequest) => {
    const response = await http(request);
    if (response.status >= 400 || (response.status >= 300 && response.status < 400))
      throw refusal(response, request.url);
    return response;
  };
  const state = async <S extends z.ZodType>(path: string, jws: string, schema: S) => {
    const headers = { "content-type": statementMediaType };
    const request = {
      method: "POST",
      url: atAgentApi(path),
      headers,
      body: jws,
      maxBytes: maxAnswer,
      timeout: requestTimeout,
    } as const;
    return parseJson(schema, textOf(await ask(request)), `the answer of ${path}`, "unreachable");
  };

  return {
    enrol: (jws) => state("/v1/agent/enrol", jws, EnrolAnswer),
    checkIn: (jws) => state("/v1/agent/check-in", jws, CheckInAnswer),
    report: (jws) => state("/v1/agent/reports", jws, ReportAnswer),
    retire: (jws) => state("/v1/agent/retire", jws, RetireAnswer),
    async poll(ticket) {
      const headers = { [ticketHeader]: ticket };
      const url = atAgentApi(pollPath);
      const response = await ask({ method: "GET", url, headers, maxBytes: 16_384, timeout: requestTimeout });
      if (response.status !== 204) return { checkIn: true };
      const seconds = Number(response.headers[nextPollHeader]);
      return { checkIn: false, nextPollSeconds: Number.isFinite(seconds) ? seconds : undefined };
    },
    async publicFile(repository, name, maxBytes) {
      const url = at(`/tuf/${repository}/${name}`);
      try {
        // a release of the agent is as large as a bundle
        if (maxBytes > maxAnswer) return await downloadResuming(ask, url, maxBytes);
        return (await ask({ method: "GET", url, maxBytes, timeout: requestTimeout })).body;
      } catch (error) {
        if (error instanceof SutureError && meansAbsent(Number(error.data.httpStatus), name)) return undefined;
        throw error;
      }
    },
    usesMirror: () => false,
    mirroredBundle: () => Promise.resolve(undefined),
    download: (url, maxBytes) => downloadResuming(ask, at(url), maxBytes),
  };
}

/**
 * Whether an answer's status says that there is no such file. Of the next root also 403: object stores that may not list their objects
 * answer so for one that is absent, and every agent asks for a root that is not there yet.
 */
export function meansAbsent(status: number, name: string): boolean {
  return status === 404 || (status === 403 && name.endsWith(".root.json"));
}

/**
 * Downloads a file. An exchange that breaks off goes on from where it was, as long as each brings something; what comes is judged by its
 * digest, so nothing depends on whether the server's file is still the same.
 * @see RFC 9110, section 14 (range requests)
 */
async function downloadResuming(
  ask: (request: HttpRequest) => Promise<HttpResponse>,
  url: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const ends = performance.now() + downloadTimeout;
  let parts: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const before = size;
    let isFirst = true;
    try {
      const { body } = await ask({
        method: "GET",
        url,
        ...(size > 0 && { headers: { range: `bytes=${size}-` } }),
        maxBytes,
        timeout: Math.max(1, Math.ceil(ends - performance.now())),
        leastBytesAMinute,
        onPart(part, { status, headers }) {
          if (status !== 200 && status !== 206) return false;
          // only what says that it begins where the last one ended is added to it
          const goesOn = status === 206 && String(headers["content-range"]).startsWith(`bytes ${before}-`);
          if (isFirst && !goesOn) [parts, size] = [[], 0];
          isFirst = false;
          parts.push(part);
          size += part.length;
          if (size > maxBytes) throw new SutureError("too-large", `The answer is longer than ${maxBytes} bytes`);
          return true;
        },
      });
      return Buffer.concat([...parts, body]);
    } catch (error) {
      if (!isSutureError(error, "unreachable") || size <= before || performance.now() >= ends) throw error;
    }
  }
}

/** Whether an error says no more than that the service cannot answer now: what was asked may be asked again. */
export function isAway(error: unknown): error is SutureError {
  return (
    isSutureError(error, "unreachable") || isSutureError(error, "unavailable") || isSutureError(error, "rate-limited")
  );
}

function refusal(response: HttpResponse, url: string): SutureError {
  const seconds = secondsToWait(response.headers);
  const more = { httpStatus: response.status, ...(seconds > 0 && { retryAfter: seconds }) };
  const problem = fromProblem(jsonOf(response));
  if (problem !== undefined)
    return new SutureError(problem.code, problem.message, { data: { ...problem.data, ...more } });
  const { origin, pathname } = new URL(url);
  const code = response.status >= 500 || response.status === 429 ? "unavailable" : "unreachable";
  return new SutureError(code, `${origin}${pathname} answered ${response.status}`, { data: more });
}

/** What Retry-After asks for, in seconds or as a date by the server's own clock; NaN where it says nothing. RFC 9110, section 10.2.3. */
function secondsToWait({ "retry-after": after, date }: HttpResponse["headers"]): number {
  const seconds = Number(after);
  if (after === undefined || Number.isFinite(seconds)) return seconds;
  const now = Date.parse(String(date));
  return Math.ceil((Date.parse(String(after)) - (Number.isNaN(now) ? Date.now() : now)) / 1000);
}

function textOf(response: HttpResponse): string {
  return Buffer.from(response.body).toString("utf8");
}

function jsonOf(response: HttpResponse): unknown {
  try {
    return JSON.parse(textOf(response));
  } catch {
    return undefined;
  }
}
