import type { Http, HttpRequest, HttpResponse } from "../../agent/system/http.ts";
import { SutureError } from "../../protocol/errors.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What goes wrong between a host and the service: shares of requests, 0 to 1. */
export type Weather = { repeated: number; answerLost: number; again: number };
export const fair: Weather = { repeated: 0, answerLost: 0, again: 0 };
/** Much more than any network does. */
export const foul: Weather = { repeated: 0.05, answerLost: 0.03, again: 0.1 };

/** A repeated report comes once more after up to this; milliseconds. */
const latest = 2 * 3_600_000;

/**
 * A network in this process: requests reach `fetch` at once; some twice, some without an answer, and reports once more much later,
 * after newer ones.
 * @param isDown whether the service can be reached now
 */
export function network(
  fetch: (request: Request) => Promise<Response>,
  {
    time,
    random,
    weather,
    isDown,
  }: { time: VirtualTime; random: () => number; weather: Weather; isDown: () => boolean },
): Http {
  async function deliver({ method, url, headers = {}, body }: HttpRequest): Promise<HttpResponse> {
    if (isDown()) throw new SutureError("unreachable", "The service is down");
    const response = await fetch(new Request(url, { method, headers, ...(body !== undefined && { body }) }));
    const bytes = new Uint8Array(await response.arrayBuffer());
    return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes };
  }
  return async (request) => {
    const isReport = request.url.endsWith("/v1/agent/reports");
    const answer = await deliver(request);
    // Who enrols a host sees what came of it, and does it again
    if (request.method === "GET" || request.url.endsWith("/v1/agent/enrol")) return answer;
    if (random() < weather.repeated) await deliver(request);
    if (isReport && random() < weather.again) {
      time.begin(async () => {
        if (!isDown()) await deliver(request);
      }, random() * latest);
    }
    if (random() < weather.answerLost) throw new SutureError("unreachable", "The answer was lost");
    return answer;
  };
}
