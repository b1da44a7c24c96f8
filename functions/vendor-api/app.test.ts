import { createHash } from "node:crypto";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { sampleManifest } from "../../test/support/manifest.ts";
import { memorySigner, vendorPen } from "../../test/support/vendor-metadata.ts";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";

let service: VendorService;
beforeAll(async () => {
  service = await startVendorService();
});
afterAll(() => service.stop());

/** Sends a request to the app; the answer as status, code (of a problem) and body. */
async function send(method: string, path: string, { token = service.operator, json, ...rest }: Sending = {}) {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const body = json === undefined ? rest.body : JSON.stringify(json);
  const response = await service.api.request(path, {
    method,
    headers: { ...headers, ...rest.headers },
    ...(body !== undefined && { body }),
  });
  const answer = JSON.parse(await response.text());
  return { status: response.status, code: answer.code as string | undefined, answer };
}
type Sending = { token?: string; json?: unknown; body?: string; headers?: Record<string, string> };

let number = 0;
async function newVendor() {
  const vendor = `acme-${++number}`;
  const { answer } = await send("POST", "/v1/vendors", { json: { vendor, title: "Acme" } });
  const pen = vendorPen(answer.onlineKeys);
  const token: string = answer.token;
  const put = (role: string, text: string, files?: Record<string, string>) =>
    send("PUT", `/v1/vendors/${vendor}/metadata/${role}`, { token, json: { text, ...(files && { files }) } });
  return { vendor, token, pen, put };
}

/** A vendor whose root and targets are accepted. */
async function foundedVendor() {
  const vendor = await newVendor();
  expect(await vendor.put("root", await vendor.pen.root())).toMatchObject({ status: 200 });
  expect(await vendor.put("targets", await vendor.pen.targets())).toMatchObject({ status: 200 });
  return vendor;
}

async function storedBundle(text = "the bytes of a bundle") {
  const bytes = Buffer.from(text);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  await service.blobs.put(`bundles/${sha256}`, bytes);
  return { sha256, size: bytes.length };
}

function manifest(bundle: { sha256: string; size: number }, changed: object = {}) {
  return JSON.stringify(sampleManifest(changed, bundle));
}
const path = "echod/edge/fix@1.json";
const recallsPath = "echod/edge/recalls.json";

describe("a role's next version", () => {
  let acme: Awaited<ReturnType<typeof foundedVendor>>;
  let bundle: { sha256: string; size: number };
  const putFiles = async (version: number, files: Record<string, string>) =>
    acme.put("echod.edge", await acme.pen.role(version, files), files);
  beforeEach(async () => {
    acme = await foundedVendor();
    bundle = await storedBundle();
  });

  it("with a manifest and its bundle is accepted, goes live, and is the same when it is sent again", async () => {
    const files = { [path]: manifest(bundle) };
    const text = await acme.pen.role(1, files);
    expect(await acme.put("echod.edge", text, files)).toMatchObject({ answer: { role: "echod.edge", version: 1 } });
    expect(await acme.put("echod.edge", text)).toMatchObject({ status: 200, answer: { version: 1 } });
    const { answer } = await send("GET", `/v1/vendors/${acme.vendor}/patches`, { token: acme.token });
    expect(answer.patches).toMatchObject([{ id: `${acme.vendor}/echod/edge/fix@1`, state: "live", title: "A fix" }]);
    const role = await send("GET", `/v1/vendors/${acme.vendor}/metadata/echod.edge`, { token: acme.token });
    expect(role.answer).toEqual({ role: "echod.edge", version: 1, text });
  });

  it("that does not follow the newest is a conflict that names the newest, and a replayed old one too", async () => {
    const first = await acme.pen.role(1, {});
    await acme.put("echod.edge", first);
    await acme.put("echod.edge", await acme.pen.role(2, {}));
    expect(await acme.put("echod.edge", await acme.pen.role(4, {}))).toMatchObject({ status: 409, code: "conflict" });
    expect((await acme.put("echod.edge", first)).answer).toMatchObject({ code: "conflict", version: 2 });
  });

  it("signed by another key, expired, or for a role that is not delegated is refused", async () => {
    const forged = await acme.pen.role(1, {}, { signer: memorySigner() });
    expect(await acme.put("echod.edge", forged)).toMatchObject({ status: 403, code: "bad-signature" });
    const expired = await acme.pen.role(1, {}, { days: -1 });
    expect(await acme.put("echod.edge", expired)).toMatchObject({ status: 400, code: "invalid-metadata" });
    expect(await acme.put("other.edge", await acme.pen.role(1, {}))).toMatchObject({ status: 404, code: "not-found" });
    expect(await acme.put("echod.edge", "{}")).toMatchObject({ status: 400, code: "invalid-metadata" });
  });

  it("that names a bundle which was not uploaded, or has another size, is refused and nothing is kept", async () => {
    const lost = { sha256: "0".repeat(64), size: 5 };
    expect((await putFiles(1, { [path]: manifest(lost) })).answer).toMatchObject({
      code: "missing-blob",
      sha256: lost.sha256,
    });
    const wrong = await putFiles(1, { [path]: manifest({ ...bundle, size: bundle.size + 1 }) });
    expect(wrong).toMatchObject({ status: 409, code: "missing-blob" });
    const role = await send("GET", `/v1/vendors/${acme.vendor}/metadata/echod.edge`, { token: acme.token });
    expect(role).toMatchObject({ status: 404 });
  });

  it("whose manifest is missing, altered, misplaced or misspelt is refused with its reason", async () => {
    const text = await acme.pen.role(1, { [path]: manifest(bundle) });
    expect(await acme.put("echod.edge", text)).toMatchObject({ code: "invalid-request" });
    const altered = { [path]: manifest(bundle, { title: "Another" }) };
    expect(await acme.put("echod.edge", text, altered)).toMatchObject({ code: "invalid-metadata" });
    expect(await putFiles(1, { [path]: manifest(bundle, { version: 2 }) })).toMatchObject({ code: "invalid-patch" });
    expect((await putFiles(1, { [path]: manifest(bundle, { sevrity: "low" }) })).answer).toMatchObject({
      code: "invalid-patch",
      issues: [{ path: "(whole)", reason: expect.stringContaining("sevrity") }],
    });
    expect(await putFiles(1, { "echod/edge/notes.txt": "hello" })).toMatchObject({ code: "invalid-metadata" });
  });

  it("that changes a published manifest is a conflict, also after the patch has left the role", async () => {
    await putFiles(1, { [path]: manifest(bundle) });
    const changed = { [path]: manifest(bundle, { title: "Changed afterwards" }) };
    expect((await putFiles(2, changed)).answer).toMatchObject({ code: "conflict", path });
    await putFiles(2, {});
    expect((await putFiles(3, changed)).answer).toMatchObject({ code: "conflict", path });
  });

  it("may add a recall, and never take one back or carry the recalled patch", async () => {
    const recall = { patch: "fix@1", reason: "It leaks", at: "2026-11-25T00:00:00Z" };
    await putFiles(1, { [path]: manifest(bundle) });
    const recalls = { [recallsPath]: JSON.stringify({ recalls: [recall] }) };
    expect(await putFiles(2, { ...recalls, [path]: manifest(bundle) })).toMatchObject({ code: "invalid-metadata" });
    expect(await putFiles(2, recalls)).toMatchObject({ status: 200 });
    expect(await putFiles(3, {})).toMatchObject({ code: "invalid-metadata" });
    expect(await putFiles(3, { [recallsPath]: '{"recalls":[]}' })).toMatchObject({ code: "invalid-metadata" });
    const { answer } = await send("GET", `/v1/vendors/${acme.vendor}/patches`, { token: acme.token });
    expect(answer.patches).toMatchObject([{ state: "withdrawn", reason: "It leaks" }]);
  });

  it("of the root that would leave the public targets without a valid signature is refused", async () => {
    const orphaning = await acme.pen.root(2, [memorySigner()]);
    expect(await acme.put("root", orphaning)).toMatchObject({ status: 400, code: "invalid-metadata" });
    expect(await acme.put("root", await acme.pen.root(2))).toMatchObject({ status: 200 });
  });
});

describe("tenants and roles", () => {
  it("another vendor's vendor answers exactly like one that does not exist", async () => {
    const [acme, other] = [await foundedVendor(), await newVendor()];
    for (const [method, tail] of [
      ["GET", ""],
      ["GET", "/patches"],
      ["PUT", "/metadata/root"],
      ["POST", "/uploads"],
    ] as const) {
      const theirs = await send(method, `/v1/vendors/${acme.vendor}${tail}`, { token: other.token, ...sent(method) });
      const nobodys = await send(method, `/v1/vendors/nobody${tail}`, { token: other.token, ...sent(method) });
      expect(theirs).toMatchObject({ status: 404, code: "not-found" });
      expect(JSON.stringify(theirs).replaceAll(acme.vendor, "nobody")).toBe(JSON.stringify(nobodys));
    }
    function sent(method: string): Sending {
      return method === "GET" ? {} : { json: {} };
    }
  });

  it("a vendor may not do what operators do, an operator may not publish, a viewer may not make tokens", async () => {
    const acme = await newVendor();
    await send("POST", "/v1/customers", { json: { customer: "initech", title: "Initech" } });
    const viewer = await service.tokenOf({ kind: "customer", tenant: "initech", role: "viewer" });
    expect(await send("GET", "/v1/customers", { token: acme.token })).toMatchObject({ status: 403, code: "forbidden" });
    const upload = { json: { text: await acme.pen.root() } };
    expect(await send("PUT", `/v1/vendors/${acme.vendor}/metadata/root`, upload)).toMatchObject({ code: "forbidden" });
    const tokens = "/v1/customers/initech/enrolment-tokens";
    expect(await send("POST", tokens, { token: viewer, json: {} })).toMatchObject({ code: "forbidden" });
    expect(await send("GET", "/v1/customers/initech/machines", { token: viewer })).toMatchObject({
      status: 200,
      answer: { machines: [] },
    });
    expect(await send("GET", "/v1/customers/umbrella/machines", { token: viewer })).toMatchObject({
      code: "not-found",
    });
  });

  it("no token, an unknown one, and one that is not a token are all unauthorized", async () => {
    for (const authorization of ["", `Bearer suture-api.${"A".repeat(43)}`, "Bearer x", "Basic dTpw"]) {
      expect(await send("GET", "/v1/whoami", { headers: { authorization } })).toMatchObject({ code: "unauthorized" });
    }
    expect((await send("GET", "/v1/whoami")).answer).toMatchObject({ principal: { kind: "operator" } });
  });
});

describe("bad input", () => {
  it("an unknown field, wrong JSON, a wrong type and a wrong method are each refused with their code", async () => {
    const extra = { vendor: "fine", title: "Fine", admin: true };
    expect((await send("POST", "/v1/vendors", { json: extra })).answer).toMatchObject({
      status: 400,
      code: "invalid-request",
      issues: [{ reason: expect.stringContaining("admin") }],
    });
    expect(await send("POST", "/v1/vendors", { body: "{" })).toMatchObject({ status: 400, code: "invalid-request" });
    const xml = { body: "<a/>", headers: { "content-type": "text/xml" } };
    expect(await send("POST", "/v1/vendors", xml)).toMatchObject({ status: 415, code: "unsupported-media-type" });
    expect(await send("PUT", "/v1/vendors", { json: {} })).toMatchObject({ status: 405, code: "method-not-allowed" });
    expect(await send("GET", "/v1/nowhere")).toMatchObject({ status: 404, code: "not-found" });
    const reserved = { json: { vendor: "service", title: "Mine" } };
    expect(await send("POST", "/v1/vendors", reserved)).toMatchObject({ status: 400, code: "invalid-request" });
  });

  it("a body of 300 MB is refused while it has not been sent", async () => {
    const { port } = new URL(service.url);
    const socket = connect(Number(port), "127.0.0.1");
    const head = ["POST /v1/vendors HTTP/1.1", "host: x", `authorization: Bearer ${service.operator}`];
    socket.write([...head, "content-type: application/json", "content-length: 300000000", "", "{"].join("\r\n"));
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
  });

  it("a subscription to a channel that the vendor does not have is refused", async () => {
    const acme = await foundedVendor();
    await send("POST", "/v1/customers", { json: { customer: "hooli", title: "Hooli" } });
    const subscription = (product: string) =>
      send("PUT", `/v1/customers/hooli/subscriptions/${acme.vendor}/${product}/edge`, {
        json: { seats: 5, endsAt: null },
      });
    expect(await subscription("ecohd")).toMatchObject({ status: 404, code: "not-found" });
    expect(await subscription("echod")).toMatchObject({ status: 200, answer: { seats: 5, endsAt: null } });
  });
});

it("an enrolment token is kept as a hash alone, with its uses and its end", async () => {
  await send("POST", "/v1/customers", { json: { customer: "globex", title: "Globex" } });
  const json = { group: "canary", uses: 3, expiresInHours: 2 };
  const { answer } = await send("POST", "/v1/customers/globex/enrolment-tokens", { json });
  const [, secret = "", root] = answer.token.split(".");
  expect(root).toBe("5e".repeat(32));
  const { items } = await service.stores.enrolments.listByCustomer("globex");
  expect(items).toMatchObject([{ customer: "globex", group: "canary", usesLeft: 3 }]);
  expect(JSON.stringify(items)).not.toContain(secret);
  expect((await service.stores.customers.get("globex"))?.groups).toHaveProperty("canary");
});
