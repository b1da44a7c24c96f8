import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Principal } from "../../protocol/wire/account.ts";
import {
  missing,
  pathOf,
  type Route,
  scopedToken,
  startOneOfEverything,
} from "../../test/support/one-of-everything.ts";
import type { VendorService } from "../../test/support/vendor-service.ts";
import { access, everybody, open } from "./access.ts";

/** Tried on every route of the API's own description, so a route that is added is tried too. */
let service: VendorService;
let routes: Route[];
let existing: Record<string, string>;

beforeAll(async () => {
  ({ service, routes, existing } = await startOneOfEverything());
});
afterAll(() => service.stop());

async function ask(route: Route, ids: Record<string, string>, token?: string) {
  const response = await service.api.request(pathOf(route, ids), {
    method: route.method,
    headers: { "content-type": "application/json", ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    ...(route.method !== "GET" && { body: "{}" }),
  });
  const text = await response.text();
  // What differs by the id that was asked for alone is the same answer
  const named = Object.values(ids)
    .toSorted((a, b) => b.length - a.length)
    .reduce((said, id) => said.replaceAll(encodeURIComponent(id), "ID").replaceAll(id, "ID"), text);
  const headers = Object.fromEntries(response.headers);
  return { status: response.status, headers, text: named };
}

function principal(party: string, tenants: { vendor: string; customer: string }): Principal {
  const [kind, role] = party.split(" ");
  const tenant = kind === "operator" ? "service" : tenants[kind as "vendor" | "customer"];
  return { kind, tenant, role } as Principal;
}

function rule({ path }: { path: string }) {
  return access[path.replace(/\{(\w+)\}/g, ":$1")];
}

/** Whether a party may use a route in principle, in its own tenant. */
function isFor(party: string, route: Route): boolean {
  const [kind] = party.split(" ");
  const hasTenant = /\{(?:vendor|customer)\}/.test(route.path);
  const own = kind === "operator" || !hasTenant || route.path.includes(`{${kind}}`);
  return own && (rule(route)?.[route.method]?.some((each) => each === party) ?? false);
}

it("every route has a rule, and every rule a route", () => {
  const described = routes.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`);
  const ruled = [
    ...Object.entries(access).flatMap(([path, { area: _area, grants: _grants, ...methods }]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    ),
    ...Object.entries(open).map(([path, method]) => `${method} ${path}`),
  ];
  expect(described.toSorted()).toEqual(ruled.toSorted());
});

describe("every route answers the same for what exists and what does not", () => {
  const closed = () => routes.filter((route) => rule(route) !== undefined);

  it("to nobody", async () => {
    for (const route of closed()) {
      const [real, none] = [await ask(route, existing), await ask(route, missing)];
      expect(real.status, route.path).toBe(401);
      expect(none, route.path).toEqual(real);
    }
  });

  it.each(everybody.filter((party) => party !== "operator operator"))("to a %s of another tenant", async (party) => {
    const token = await service.tokenOf(principal(party, { vendor: "other", customer: "other" }));
    let tried = 0;
    for (const route of closed().filter(({ path }) => /\{(?:vendor|customer)\}/.test(path))) {
      const [real, none] = [await ask(route, existing, token), await ask(route, missing, token)];
      expect(real.status, `${route.method} ${route.path}`).toBe(404);
      expect(none, `${route.method} ${route.path}`).toEqual(real);
      tried++;
    }
    expect(tried).toBeGreaterThan(20);
  });

  it.each(everybody)("to a %s whose role does not allow it", async (party) => {
    const token = await service.tokenOf(principal(party, { vendor: "acme", customer: "globex" }));
    for (const route of closed().filter((each) => !isFor(party, each))) {
      const [kind = ""] = party.split(" ");
      const own = kind in existing ? { [kind]: existing[kind] ?? "" } : {};
      const [real, none] = [await ask(route, existing, token), await ask(route, { ...missing, ...own }, token)];
      expect([403, 404], `${route.method} ${route.path}`).toContain(real.status);
      expect(none, `${route.method} ${route.path}`).toEqual(real);
    }
  });
});

it.each(everybody)("what a %s may read is read", async (party) => {
  const token = await service.tokenOf(principal(party, { vendor: "acme", customer: "globex" }));
  for (const route of routes.filter((each) => each.method === "GET" && isFor(party, each))) {
    const answered = await ask(route, existing, token);
    expect(answered.status, `${route.path}: ${answered.text}`).toBe(200);
  }
});

it("what a party may write is never refused for who it is", async () => {
  for (const party of everybody) {
    const token = await service.tokenOf(principal(party, { vendor: "acme", customer: "globex" }));
    const [kind = ""] = party.split(" ");
    for (const route of routes.filter((each) => each.method !== "GET" && isFor(party, each))) {
      const tenants = kind === "operator" ? { vendor: "acme", customer: "globex" } : { [kind]: existing[kind] ?? "" };
      const { status } = await ask(route, { ...missing, ...tenants }, token);
      expect([401, 403], `${party}: ${route.method} ${route.path}`).not.toContain(status);
    }
  }
});

it("a token with scopes does what they say and nothing else, and reads what it may write", async () => {
  const token = await scopedToken(service, ["machines:read", "tokens:write"]);
  const allowed: string[] = [];
  for (const route of routes.filter((each) => isFor("customer owner", each))) {
    const { status } = await ask(route, { ...missing, customer: "globex" }, token);
    if (status !== 403) allowed.push(`${route.method} ${rule(route)?.area}`);
  }
  const words = new Set(allowed);
  expect(words).toEqual(new Set(["GET machines", "GET tokens", "POST tokens", "DELETE tokens"]));
  const more = { role: "owner", label: "more", expiresInHours: 1 };
  for (const scopes of [undefined, ["members:write"], ["machines:write"]]) {
    const response = await service.api.request("/v1/customers/globex/api-tokens", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ ...more, ...(scopes && { scopes }) }),
    });
    expect(response.status).toBe(403);
  }
});

it("a token that is limited to scopes gives nobody more than it has, by whatever route: invitations, providers, tokens", async () => {
  const token = await scopedToken(service, ["members:write", "tokens:write"]);
  const grants = routes.filter(
    (route) => rule(route)?.grants && route.method !== "GET" && isFor("customer owner", route),
  );
  expect(grants.map(({ method, path }) => `${method} ${path}`).sort()).toEqual([
    "POST /v1/customers/{customer}/invitations",
    "PUT /v1/customers/{customer}/identity-provider",
  ]);
  for (const route of grants) {
    const { status, text } = await ask(route, { ...missing, customer: "globex" }, token);
    expect({ status, code: JSON.parse(text).code }, route.path).toEqual({ status: 403, code: "forbidden" });
  }
});
