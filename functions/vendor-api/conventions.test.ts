import { afterAll, beforeAll, expect, it } from "vitest";
import type { Principal } from "../../protocol/wire/account.ts";
import { missing, pathOf, type Route, startOneOfEverything } from "../../test/support/one-of-everything.ts";
import type { VendorService } from "../../test/support/vendor-service.ts";
import { access, open } from "./access.ts";
import { withConventions } from "./conventions.ts";

type Schema = { properties?: Record<string, { type?: string }> };
type Operation = {
  parameters?: { name: string; in: string }[];
  responses: Record<string, { content?: Record<string, { schema?: Schema }> }>;
};

/** Every route of the API's own description is tried, so one that is added is tried too. */
let service: VendorService;
let routes: Route[];
let existing: Record<string, string>;
let described: Record<string, Record<string, Operation>>;
const tokens = new Map<string, string>();

beforeAll(async () => {
  ({ service, routes, existing } = await startOneOfEverything());
  const document = service.api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  described = JSON.parse(JSON.stringify(withConventions(document).paths ?? {}));
});
afterAll(() => service.stop());

const namesOf = (route: Route) =>
  (operationOf(route).parameters ?? []).map(({ name, in: where }) => `${where} ${name}`);

function operationOf({ method, path }: Route): Operation {
  return described[path]?.[method.toLowerCase()] ?? { responses: {} };
}

/** A sign-in that may use the route; undefined where it takes none. */
async function signInFor({ method, path }: Route): Promise<string | undefined> {
  const route = path.replace(/\{(\w+)\}/g, ":$1");
  if (open[route] === method) return undefined;
  const party = access[route]?.[method]?.[0] ?? "";
  const [kind = "", role] = party.split(" ");
  const tenant = kind === "operator" ? "service" : existing[kind];
  const known = tokens.get(party) ?? (await service.tokenOf({ kind, tenant, role } as Principal));
  tokens.set(party, known);
  return known;
}

async function ask(route: Route, ids: Record<string, string>, headers: Record<string, string>, query = "") {
  const token = await signInFor(route);
  return await service.api.request(`${pathOf(route, ids)}${query}`, {
    method: route.method,
    headers: {
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(route.method !== "GET" && { body: "{}" }),
  });
}

it("every read has an ETag, and is not sent again to whoever has it", async () => {
  for (const route of routes.filter(({ method }) => method === "GET")) {
    const first = await ask(route, existing, {});
    expect(first.status, route.path).toBe(200);
    const etag = first.headers.get("etag") ?? "";
    expect(etag, route.path).not.toBe("");
    const again = await ask(route, existing, { "if-none-match": etag });
    expect([again.status, await again.text()], route.path).toEqual([304, ""]);
    expect(namesOf(route)).toContain("header If-None-Match");
  }
});

it("every list goes on by a cursor, and takes no cursor of another", async () => {
  let lists = 0;
  for (const route of routes.filter(({ method }) => method === "GET")) {
    const { properties = {} } = operationOf(route).responses[200]?.content?.["application/json"]?.schema ?? {};
    // Whose receipts they are, and what verifies them, stands beside them
    const beside = ["cursor", "machine", "publicKey"];
    const [items, ...more] = Object.entries(properties).filter(([name]) => !beside.includes(name));
    const isList = more.length === 0 && items?.[1].type === "array";
    expect(isList, `${route.path} has a cursor because it is a list`).toBe("cursor" in properties);
    if (!isList) continue;
    lists++;
    expect(namesOf(route), route.path).toEqual(expect.arrayContaining(["query limit", "query cursor"]));
    const foreign = await ask(route, existing, {}, "?cursor=bm90LW91cnM");
    expect(foreign.status, route.path).toBe(400);
    expect(await foreign.json(), route.path).toMatchObject({ code: "invalid-request" });
  }
  expect(lists).toBeGreaterThan(12);
});

it("no list takes a cursor that was changed, whatever of it: other types, sizes, characters or a sort key of elsewhere", async () => {
  const names = [
    "machine",
    "customer",
    "vendor",
    "patch",
    "stream",
    "entry",
    "id",
    "kind",
    "tenant",
    "hash",
    "user",
    "policy",
  ];
  const key = (value: object) => Object.fromEntries(names.map((name) => [name, value]));
  const forged = [
    key({ N: "1" }),
    key({ M: {} }),
    key({ S: "" }),
    key({ S: "a".repeat(5000) }),
    key({ S: "\ud83d" }),
    key({ S: 1 }),
    key({ S: "zzz" }),
    JSON.parse('{"__proto__":{"S":"x"}}'),
    [],
    null,
  ].map((each) => Buffer.from(JSON.stringify(each)).toString("base64url"));
  for (const route of routes.filter((each) => each.method === "GET" && namesOf(each).includes("query cursor"))) {
    for (const cursor of forged) {
      const { status } = await ask(route, existing, {}, `?cursor=${cursor}`);
      expect([200, 400], `${route.path} ${Buffer.from(cursor, "base64url").toString().slice(0, 80)}`).toContain(status);
    }
  }
});

it("half a character in a body is refused as such, by every write", async () => {
  const half =
    '{"title":"\\ud83d","label":"\\ud83d","user":"\\ud83d","reason":"\\ud83d","answer":"\\ud83d","name":"\\ud83d"}';
  for (const route of routes.filter(({ method }) => method === "POST" || method === "PUT")) {
    const ids = { ...missing, vendor: existing.vendor ?? "", customer: existing.customer ?? "" };
    const response = await service.api.request(pathOf(route, ids), {
      method: route.method,
      headers: { "content-type": "application/json", authorization: `Bearer ${service.operator}` },
      body: half,
    });
    expect(response.status, `${route.method} ${route.path}`).toBeLessThan(500);
  }
  const response = await service.api.request("/v1/vendors", {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${service.operator}` },
    body: '{"vendor":"half","title":"red \\ud83d"}',
  });
  expect(await response.json()).toMatchObject({
    status: 400,
    code: "invalid-request",
    detail: expect.stringContaining("body.title"),
  });
});

it("every write under an idempotency key is answered once and the same again, a refusal too", async () => {
  for (const route of routes.filter(({ method }) => method !== "GET")) {
    const where = `${route.method} ${route.path}`;
    const key = { "idempotency-key": where.slice(0, 128) };
    const ids = { ...missing, vendor: existing.vendor ?? "", customer: existing.customer ?? "" };
    const [first, again] = [await ask(route, ids, key), await ask(route, ids, key)];
    expect(first.status, where).toBeLessThan(500);
    expect([again.status, await again.text()], where).toEqual([first.status, await first.text()]);
    expect(
      [first, again].map((each) => each.headers.get("idempotency-replayed")),
      where,
    ).toEqual([null, "true"]);
    expect(namesOf(route), where).toContain("header Idempotency-Key");
  }
});

it("every change of one thing is refused to whoever saw it otherwise", async () => {
  let changes = 0;
  for (const route of routes.filter((each) => namesOf(each).includes("header If-Match"))) {
    const { status } = await ask(route, existing, { "if-match": '"as it was"' });
    expect(status, `${route.method} ${route.path}`).toBe(412);
    changes++;
  }
  expect(changes).toBeGreaterThan(12);
});

it("every route says that it may end with a problem, and every refusal is one", async () => {
  for (const route of routes) {
    const where = `${route.method} ${route.path}`;
    expect(Object.keys(operationOf(route).responses.default?.content ?? {}), where).toEqual([
      "application/problem+json",
    ]);
    const refused = await service.api.request(pathOf(route, existing), { method: route.method });
    expect(refused.status, where).toBeGreaterThanOrEqual(400);
    expect(refused.headers.get("content-type"), where).toBe("application/problem+json");
    expect(await refused.json(), where).toMatchObject({ status: refused.status, code: expect.any(String) });
  }
});
