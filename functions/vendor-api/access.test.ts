import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Principal, Scope } from "../../protocol/wire/account.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { vendorPen } from "../../test/support/vendor-metadata.ts";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";
import { newRollout } from "../domain/rollout.ts";
import { access, everybody, type Method, open } from "./access.ts";

/** Tried on every route of the API's own description, so a route that is added is tried too. */
let service: VendorService;
let routes: { method: Method; path: string }[];
let existing: Record<string, string>;

/** Ids of the form of those that exist, for which there is nothing. */
const missing: Record<string, string> = {
  vendor: "nobody",
  customer: "nowhere",
  product: "nothing",
  channel: "beta",
  role: "nothing.beta",
  token: "0".repeat(64),
  customerToken: "1".repeat(64),
  user: "nobody@example.com",
  patch: "nothing@1",
  machine: `m-${"0".repeat(32)}`,
  policy: "none",
  pin: "none",
};

beforeAll(async () => {
  service = await startVendorService();
  const { paths = {} } = service.api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  routes = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase() as Method, path })),
  );
  existing = await seed();
});
afterAll(() => service.stop());

const digest = "ab".repeat(32);
const sampleManifest = {
  manifest: 1,
  product: "echod",
  channel: "edge",
  patch: "fix",
  version: 1,
  title: "A fix",
  severity: "high",
  variants: [
    {
      engine: "elf",
      functions: [{ name: "a", replacement: "b" }],
      match: { buildId: "ab".repeat(20), arch: "x86_64" },
      bundle: { sha256: digest, size: 1, encoding: "zstd", payload: { sha256: digest, size: 1 } },
    },
  ],
};

/** A vendor and a customer with one of everything that a path can name. */
async function seed(): Promise<Record<string, string>> {
  const { stores, operator } = service;
  const post = async (method: string, path: string, json: object, token = operator) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await service.api.request(path, { method, headers, body: JSON.stringify(json) });
    expect(response.status, await response.clone().text()).toBeLessThan(300);
    return JSON.parse(await response.text());
  };
  const acme = await post("POST", "/v1/vendors", { vendor: "acme", title: "Acme" });
  const pen = vendorPen(acme.onlineKeys);
  await post("PUT", "/v1/vendors/acme/metadata/root", { text: await pen.root() }, acme.token);
  await post("PUT", "/v1/vendors/acme/metadata/targets", { text: await pen.targets() }, acme.token);
  const role = { text: await pen.role(1, {}), files: {} };
  await post("PUT", "/v1/vendors/acme/metadata/echod.edge", role, acme.token);
  const matrix = { kernels: [], builds: [], programs: [] };
  await post("PUT", "/v1/vendors/acme/products/echod/support", matrix, acme.token);
  await post("POST", "/v1/customers", { customer: "globex", title: "Globex" });
  await post("PUT", "/v1/customers/globex/subscriptions/acme/echod/edge", { seats: 5, endsAt: null });
  const provider = {
    issuer: "https://id.example.com",
    audience: "suture",
    jwks: { keys: [{ kty: "OKP" }] },
    groupsClaim: "groups",
    roles: {},
  };
  for (const tenant of ["customer/globex", "vendor/acme"]) {
    await stores.members.put({ tenant, user: "ann@example.com", role: "viewer", joinedAt: 1 });
    await stores.identityProviders.put({ tenant, ...provider });
  }
  await stores.patches.put({
    id: "acme/echod/edge/fix@1",
    manifest: Manifest.parse(sampleManifest),
    manifestSha256: digest,
    manifestLength: 1,
    state: "live",
    liveAt: 1,
  });
  const token = createHash("sha256").update(acme.token).digest("hex");
  return {
    vendor: "acme",
    customer: "globex",
    product: "echod",
    channel: "edge",
    role: "echod.edge",
    token,
    customerToken: createHash("sha256")
      .update(await scopedToken(["machines:read"]))
      .digest("hex"),
    user: "ann@example.com",
    patch: "fix@1",
    ...(await seedControl()),
  };
}

/** What a customer decides about its machines, one of each. */
async function seedControl(): Promise<Record<string, string>> {
  const { machines, policies, pins, rollouts } = service.stores;
  const [customer, patch, machine] = ["globex", "acme/echod/edge/fix@1", `m-${"ab".repeat(16)}`];
  const host = { hostname: "h", os: "linux", arch: "x86_64", kernel: "6", bootId: "b", agent: "1" };
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  const facts = { ...host, builds: [], engines: [] };
  await machines.enrol({ machine, customer, group: "default", publicKey, enrolledAt: 1, facts });
  await policies.put(customer, { name: "wave-policy", order: 0, policy: { apply: "ask" } });
  const until = "2099-01-01T00:00:00Z";
  await pins.put(customer, { name: "summer-freeze", patch: "acme/echod/fix", newest: null, reason: "a freeze", until });
  const policy = { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.1, onHalt: "undo" } as const;
  await rollouts.create(newRollout({ customer, patch, size: 1 }, { ...policy, waves: [...policy.waves] }, 1));
  return { machine, policy: "wave-policy", pin: "summer-freeze" };
}

async function ask(route: { method: Method; path: string }, ids: Record<string, string>, token?: string) {
  const path = route.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    // A token is one tenant's: the customer's is another than the vendor's
    const id = ids[name === "token" && route.path.startsWith("/v1/customers") ? "customerToken" : name];
    if (id === undefined)
      throw new Error(`Say in \`existing\` and \`missing\` which {${name}} of ${route.path} there is`);
    return encodeURIComponent(id);
  });
  const response = await service.api.request(path, {
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
function isFor(party: string, route: { method: Method; path: string }): boolean {
  const [kind] = party.split(" ");
  const hasTenant = /\{(?:vendor|customer)\}/.test(route.path);
  const own = kind === "operator" || !hasTenant || route.path.includes(`{${kind}}`);
  return own && (rule(route)?.[route.method]?.some((each) => each === party) ?? false);
}

it("every route has a rule, and every rule a route", () => {
  const described = routes.map(({ method, path }) => `${method} ${path.replace(/\{(\w+)\}/g, ":$1")}`);
  const ruled = [
    ...Object.entries(access).flatMap(([path, { area: _area, ...methods }]) =>
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
  const token = await scopedToken(["machines:read", "tokens:write"]);
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

async function scopedToken(scopes: Scope[]): Promise<string> {
  const token = `suture-api.${randomBytes(32).toString("base64url")}`;
  await service.stores.apiTokens.create({
    hash: createHash("sha256").update(token).digest("hex"),
    principal: { kind: "customer", tenant: "globex", role: "owner" },
    label: "scoped",
    scopes,
    createdAt: 1,
    expiresAt: Date.now() + 3_600_000,
  });
  return token;
}
