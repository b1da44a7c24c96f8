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
const downloadTimeout = 600_000;
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
  const get = (url: string, maxBytes: number, timeout: number) => ask({ method: "GET", url, maxBytes, timeout });

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
      try {
        return (await get(at(`/tuf/${repository}/${name}`), maxBytes, timeoutFor(maxBytes))).body;
      } catch (error) {
        if (error instanceof SutureError && error.data.httpStatus === 404) return undefined;
        throw error;
      }
    },
    usesMirror: () => false,
    mirroredBundle: () => Promise.resolve(undefined),
    download: async (url, maxBytes) => (await get(at(url), maxBytes, downloadTimeout)).body,
  };
}

/** A release of the agent is as large as a bundle. */
function timeoutFor(maxBytes: number): number {
  return maxBytes > maxAnswer ? downloadTimeout : requestTimeout;
}

/** Whether an error says no more than that the service cannot answer now: what was asked may be asked again. */
export function isAway(error: unknown): error is SutureError {
  return (
    isSutureError(error, "unreachable") || isSutureError(error, "unavailable") || isSutureError(error, "rate-limited")
  );
}

function refusal(response: HttpResponse, url: string): SutureError {
  const seconds = Number(response.headers["retry-after"]);
  const more = { httpStatus: response.status, ...(seconds > 0 && { retryAfter: seconds }) };
  const problem = fromProblem(jsonOf(response));
  if (problem !== undefined)
    return new SutureError(problem.code, problem.message, { data: { ...problem.data, ...more } });
  const { origin, pathname } = new URL(url);
  const code = response.status >= 500 || response.status === 429 ? "unavailable" : "unreachable";
  return new SutureError(code, `${origin}${pathname} answered ${response.status}`, { data: more });
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
