import { createSecretKey, randomBytes } from "node:crypto";
import { Hono } from "hono";
import { expect, it } from "vitest";
import { SutureError } from "../../protocol/errors.ts";
import { statementMediaType } from "../../protocol/trust/request.ts";
import { ticketHeader } from "../../protocol/wire/check-in.ts";
import { sealTicket } from "../domain/ticket.ts";
import { failedAuthLimit } from "../failed-auth-limit.ts";
import { answerProblem } from "../problem.ts";
import { agentApi } from "./app.ts";

const key = createSecretKey(randomBytes(32));
const clock = { now: Date.parse("2026-11-25T00:00:00Z") };
const limits = { machine: { perSecond: 1, burst: 3 }, tenant: { perSecond: 10, burst: 30 } };
/** An app on which a poll touches nothing but memory: whatever else it touched would throw. */
const app = agentApi({
  limits,
  readChanges: () => Promise.resolve({ epoch: 1, floor: 0, scopes: {} }),
  ticketKeys: [key],
  pollSeconds: 900,
  now: () => clock.now,
} as unknown as Parameters<typeof agentApi>[0]);

const poll = (tenant: string, machine: number) => {
  const scopes = [`t:${tenant}`, `g:${tenant}/default`];
  const ticket = { machine: `m-${machine}`, epoch: 1, checkInBy: clock.now / 1000 + 3600, scopes };
  return app.request("/v1/agent/poll", { headers: { [ticketHeader]: sealTicket(ticket, [key]) } });
};
const statuses = async (tenant: string, machines: readonly number[]) => {
  const all: number[] = [];
  for (const machine of machines) all.push((await poll(tenant, machine)).status);
  return all;
};
const machines = (count: number, from = 0) => Array.from({ length: count }, (_, at) => from + at);

it("one tenant's flood is refused with when to come again, and leaves another tenant's polls served", async () => {
  const flood = await statuses("loud", machines(200));
  expect(flood.filter((status) => status === 204)).toHaveLength(30);
  expect(new Set(flood.slice(30))).toEqual(new Set([429]));
  expect(await statuses("quiet", machines(20, 1000))).toEqual(machines(20).map(() => 204));

  const refused = await poll("loud", 500);
  expect(refused.headers.get("retry-after")).toBe("1");
  expect(await refused.json()).toMatchObject({ code: "rate-limited", status: 429, retryAfter: 1 });
  clock.now += 1000;
  expect(await statuses("loud", machines(12, 600))).toEqual([...machines(10).map(() => 204), 429, 429]);
});

it("one machine that polls without end leaves its tenant's others theirs", async () => {
  clock.now += 60_000;
  expect(await statuses("globex", [7, 7, 7, 7, 7, 8])).toEqual([204, 204, 204, 429, 429, 204]);
});

it("an address that sends what is refused is not looked at any more, and one that is in order is never limited by it", async () => {
  const from = (sourceIp: string) => ({ requestContext: { http: { sourceIp } } });
  const send = (address: string) => {
    const init = { method: "POST", headers: { "content-type": statementMediaType }, body: "no statement" };
    return app.request("/v1/agent/enrol", init, from(address));
  };
  const codes: number[] = [];
  for (let at = 0; at < 62; at++) codes.push((await send("203.0.113.7")).status);
  expect([codes[59], codes[60], codes[61]]).toEqual([403, 429, 429]);
  expect((await send("203.0.113.8")).status).toBe(403);
  clock.now += 1000;
  expect((await send("203.0.113.7")).status).toBe(403);

  const door = new Hono().use(failedAuthLimit({ now: () => clock.now, edgeKey: undefined }));
  door.onError(answerProblem);
  door.get("/in", (c) => c.text("in"));
  door.get("/wrong", () => {
    throw new SutureError("unauthorized", "no");
  });
  for (let at = 0; at < 300; at++) expect((await door.request("/in", {}, from("203.0.113.9"))).status).toBe(200);
  for (let at = 0; at < 300; at++) expect((await door.request("/wrong", {}, from("127.0.0.1"))).status).toBe(401);
});

it("behind our own CDN each viewer is held to the limit by itself, and nobody can pretend to stand behind it", async () => {
  const edgeKey = "k".repeat(40);
  const edge = "198.51.100.1";
  const app = new Hono().use(failedAuthLimit({ now: () => clock.now, edgeKey }));
  app.onError(answerProblem);
  app.get("/wrong", () => {
    throw new SutureError("unauthorized", "no");
  });
  const ask = async (headers: Record<string, string>) =>
    (await app.request("/wrong", { headers }, { requestContext: { http: { sourceIp: edge } } })).status;
  const seenAs = (viewer: string) => ({
    "x-suture-edge": edgeKey,
    "x-forwarded-for": `192.0.2.99, ${viewer}, ${edge}`,
  });
  for (let at = 0; at < 61; at++) await ask(seenAs("203.0.113.7"));
  expect(await ask(seenAs("203.0.113.7"))).toBe(429);
  expect(await ask(seenAs("203.0.113.8"))).toBe(401);

  // straight to the gateway, with another address each time
  for (let at = 0; at < 61; at++) await ask({ "x-forwarded-for": `192.0.2.${at}`, "x-suture-edge": "guessed" });
  expect(await ask({ "x-forwarded-for": "192.0.2.200" })).toBe(429);
  expect(await ask(seenAs("203.0.113.8"))).toBe(401);
});
