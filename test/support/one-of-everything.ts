import { createHash, randomBytes } from "node:crypto";
import { expect } from "vitest";
import { newRollout } from "../../functions/domain/rollout.ts";
import type { Method } from "../../functions/vendor-api/access.ts";
import type { Scope } from "../../protocol/wire/account.ts";
import { Manifest } from "../../protocol/wire/patch.ts";
import { sampleManifest } from "./manifest.ts";
import { vendorPen } from "./vendor-metadata.ts";
import { startVendorService, type VendorService } from "./vendor-service.ts";

export type Route = { method: Method; path: string };
type Ids = Readonly<Record<string, string>>;

/** Ids of the form of those that exist, for which there is nothing. */
export const missing: Record<string, string> = {
  vendor: "nobody",
  customer: "nowhere",
  product: "nothing",
  channel: "beta",
  role: "nothing.beta",
  serviceRole: "agent",
  token: "0".repeat(64),
  customerToken: "1".repeat(64),
  enrolmentToken: "2".repeat(64),
  user: "nobody@example.com",
  patch: "nothing@1",
  machine: `m-${"0".repeat(32)}`,
  policy: "none",
  pin: "none",
  view: "Nothing",
};

/** vendor-api with the vendor acme and the customer globex, and one of everything that a path can name. */
export async function startOneOfEverything() {
  const service = await startVendorService();
  const { paths = {} } = service.api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  const routes: Route[] = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => ({ method: method.toUpperCase() as Method, path })),
  );
  return { service, routes, existing: await seed(service) };
}

/** Which of the tokens a path means: one is one tenant's, and for programs or for hosts. */
function tokenOf(path: string): string {
  if (path.includes("/enrolment-tokens/")) return "enrolmentToken";
  return path.startsWith("/v1/customers") ? "customerToken" : "token";
}

/** A route's path with its parameters filled in. */
export function pathOf({ path }: Route, ids: Ids): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const id = ids[name === "token" ? tokenOf(path) : name];
    if (id === undefined) throw new Error(`Say in \`existing\` and \`missing\` which {${name}} of ${path} there is`);
    return encodeURIComponent(id);
  });
}

const digest = "ab".repeat(32);

/** A vendor and a customer with one of everything that a path can name. */
async function seed(service: VendorService): Promise<Record<string, string>> {
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
    manifest: Manifest.parse(sampleManifest()),
    manifestSha256: digest,
    manifestLength: 1,
    state: "live",
    liveAt: 1,
  });
  const statement = { payloadType: "text/plain", payload: "", signatures: [{ sig: "AA==" }] };
  const publication = { statement, provenance: [], at: "2026-11-25T00:00:00Z", keys: [], threshold: 1, verified: [] };
  await service.blobs.put("publications/acme/echod/edge/fix@1.json", Buffer.from(JSON.stringify(publication)));
  const token = createHash("sha256").update(acme.token).digest("hex");
  return {
    vendor: "acme",
    customer: "globex",
    product: "echod",
    channel: "edge",
    role: "echod.edge",
    serviceRole: "root",
    token,
    customerToken: createHash("sha256")
      .update(await scopedToken(service, ["machines:read"]))
      .digest("hex"),
    user: "ann@example.com",
    patch: "fix@1",
    ...(await seedControl(service)),
  };
}

/** What a customer decides about its machines, one of each. */
async function seedControl(service: VendorService): Promise<Record<string, string>> {
  const { machines, policies, pins, rollouts, enrolments, views } = service.stores;
  const enrolment = { hash: "3e".repeat(32), usesLeft: 1, expiresAt: Date.now() + 3_600_000, createdAt: 1 };
  await enrolments.create({ ...enrolment, customer: "globex", group: "default" });
  const [customer, patch, machine] = ["globex", "acme/echod/edge/fix@1", `m-${"ab".repeat(16)}`];
  const host = { hostname: "h", os: "linux", arch: "x86_64", kernel: "6", bootId: "b", agent: "1" };
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  const facts = { ...host, builds: [], engines: [] };
  await machines.enrol({ machine, customer, group: "default", publicKey, enrolledAt: 1, facts });
  await policies.put(customer, { name: "wave-policy", order: 0, policy: { apply: "ask" } });
  const until = "2099-01-01T00:00:00Z";
  // Whoever asks has a view of that name
  for (const user of [undefined, "token test operator", "token test customer"]) {
    const owner = { customer, ...(user !== undefined && { user }) };
    await views.put(owner, "Exposed databases", { exposed: "critical", by: "name" });
  }
  await pins.put(customer, { name: "summer-freeze", patch: "acme/echod/fix", newest: null, reason: "a freeze", until });
  const policy = { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.1, onHalt: "undo" } as const;
  await rollouts.create(newRollout({ customer, patch, size: 1 }, { ...policy, waves: [...policy.waves] }, 1));
  return {
    enrolmentToken: enrolment.hash,
    machine,
    policy: "wave-policy",
    pin: "summer-freeze",
    view: "Exposed databases",
  };
}

/** An API token of globex's owner, limited to these scopes. */
export async function scopedToken(service: VendorService, scopes: Scope[]): Promise<string> {
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
