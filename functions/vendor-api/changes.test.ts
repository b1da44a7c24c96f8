import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AuditList } from "../../protocol/wire/audit.ts";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";

let service: VendorService;
let number = 0;
beforeAll(async () => {
  service = await startVendorService();
});
afterAll(() => service.stop());

type Sending = { token?: string; json?: unknown; headers?: Record<string, string> };

async function send(method: string, path: string, { token = service.operator, json, headers }: Sending = {}) {
  const response = await service.api.request(path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...headers },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, answer: text === "" ? {} : JSON.parse(text) };
}

async function newCustomer(): Promise<string> {
  const customer = `globex-${++number}`;
  expect(await send("POST", "/v1/customers", { json: { customer, title: "Globex" } })).toMatchObject({ status: 201 });
  return customer;
}

/** A vendor with a product to have a support matrix for. */
async function newVendor() {
  const vendor = `acme-${++number}`;
  const { answer } = await send("POST", "/v1/vendors", { json: { vendor, title: "Acme" } });
  const matrix = (programs: string[]) => ({ kernels: [], builds: [], programs });
  const path = `/v1/vendors/${vendor}/products/echod/support`;
  return { vendor, token: String(answer.token), matrix, path };
}

describe("a write with an idempotency key", () => {
  const headers = { "idempotency-key": "a-key-of-this-test" };

  it("happens once, and its answer comes again with the secret that is shown once", async () => {
    const customer = await newCustomer();
    const sending = { headers, json: { role: "viewer", label: "once", expiresInHours: 1 } };
    const path = `/v1/customers/${customer}/api-tokens`;
    const [first, second] = [await send("POST", path, sending), await send("POST", path, sending)];
    expect(first.status).toBe(201);
    expect(second.text).toBe(first.text);
    expect(second.status).toBe(201);
    expect([first, second].map((each) => each.headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect((await send("GET", path)).answer.tokens).toHaveLength(1);
  });

  it("is refused for another request, and is another key for another token", async () => {
    const key = { "idempotency-key": "shared-by-two-people" };
    const create = (token: string, title: string) =>
      send("POST", "/v1/customers", { token, headers: key, json: { customer: `umbrella-${title}`, title } });
    const other = await service.tokenOf({ kind: "operator", tenant: "service", role: "operator" });
    expect(await create(service.operator, "a")).toMatchObject({ status: 201 });
    expect(await create(service.operator, "b")).toMatchObject({ status: 409, answer: { code: "conflict" } });
    expect(await create(other, "b")).toMatchObject({ status: 201 });
  });

  it("is answered a refusal again too, and a key that is too short is none", async () => {
    const customer = await newCustomer();
    const again = { headers: { "idempotency-key": "a-refusal" }, json: { customer, title: "Again" } };
    const [first, second] = [await send("POST", "/v1/customers", again), await send("POST", "/v1/customers", again)];
    expect(first).toMatchObject({ status: 409, answer: { code: "already-exists" } });
    expect(second.text).toBe(first.text);
    expect(await send("POST", "/v1/customers", { ...again, headers: { "idempotency-key": "short" } })).toMatchObject({
      status: 400,
    });
  });

  it("keeps its answer so that the database alone does not open it", async () => {
    const customer = await newCustomer();
    const json = { role: "viewer", label: "sealed", expiresInHours: 1 };
    const sealed = { headers: { "idempotency-key": "sealed-answer" }, json };
    const { answer } = await send("POST", `/v1/customers/${customer}/api-tokens`, sealed);
    expect(answer.token).toMatch(/^suture-api\./);
    const digest = (text: string) => createHash("sha256").update(text).digest("hex");
    const key = digest(JSON.stringify([digest(service.operator), "sealed-answer"]));
    const kept = await service.stores.idempotency.begin({ key, request: "another", startedAt: Date.now() });
    expect(kept?.answer?.length).toBeGreaterThan(100);
    const stored = JSON.stringify(kept) + Buffer.from(kept?.answer ?? "", "base64").toString("latin1");
    for (const secret of [answer.token, "suture-api", "sealed"]) expect(stored).not.toContain(secret);
  });
});

describe("a read's ETag", () => {
  it("spares a second reading of the same, and changes with what is read", async () => {
    const { token, path, matrix } = await newVendor();
    await send("PUT", path, { token, json: matrix(["/a"]) });
    const etag = (await send("GET", path, { token })).headers.get("etag") ?? "";
    const again = (tag: string) => send("GET", path, { token, headers: { "if-none-match": tag } });
    expect(await again(etag)).toMatchObject({ status: 304, text: "" });
    await send("PUT", path, { token, json: matrix(["/b"]) });
    expect(await again(etag)).toMatchObject({ status: 200 });
  });

  it("lets one of two who change the same thing write, and the other hear of it", async () => {
    const { token, path, matrix } = await newVendor();
    const ifMatch = (tag: string) => ({ "if-match": tag });
    const first = { token, json: matrix([]), headers: ifMatch("*") };
    expect(await send("PUT", path, first)).toMatchObject({ status: 412, answer: { code: "precondition-failed" } });
    await send("PUT", path, { token, json: matrix(["/a"]) });
    const etag = (await send("GET", path, { token })).headers.get("etag") ?? "";
    expect(await send("PUT", path, { token, json: matrix(["/b"]), headers: ifMatch(etag) })).toMatchObject({
      status: 200,
    });
    expect(await send("PUT", path, { token, json: matrix(["/c"]), headers: ifMatch(etag) })).toMatchObject({
      status: 412,
    });
    expect((await send("GET", path, { token })).answer.matrix.programs).toEqual(["/b"]);
  });
});

describe("the log of changes", () => {
  it("says who changed what from what to what, newest first, and holds no secret", async () => {
    const { vendor, token, path, matrix } = await newVendor();
    await send("PUT", path, { token, json: matrix(["/a"]) });
    await send("PUT", path, { token, json: matrix(["/b"]) });
    const made = await send("POST", `/v1/vendors/${vendor}/api-tokens`, { token, json: { label: "ci" } });
    const { answer, text } = await send("GET", `/v1/vendors/${vendor}/audit`, { token });
    const who = `vendor ${vendor}, publisher (first publisher)`;
    const said = (programs: string[]) => ({ vendor, product: "echod", matrix: matrix(programs) });
    expect(AuditList.parse(answer).entries).toMatchObject([
      { who, what: `POST /v1/vendors/${vendor}/api-tokens`, after: { label: "ci", token: "(not kept)" } },
      { who, what: `PUT ${path}`, before: said(["/a"]), after: said(["/b"]) },
      { who, what: `PUT ${path}`, after: said(["/a"]) },
    ]);
    expect(answer.entries[2]).not.toHaveProperty("before");
    expect(text).not.toContain(made.answer.token);
  });

  it("has no entry for what was refused, and a change to two tenants in both their logs", async () => {
    const customer = await newCustomer();
    const { vendor, token } = await newVendor();
    const stream = `/v1/customers/${customer}/subscriptions/${vendor}/echod/edge`;
    const put = () =>
      service.stores.subscriptions.put({
        customer,
        stream: `${vendor}/echod/edge`,
        seats: 1,
        endsAt: null,
        createdAt: 1,
      });
    expect(await send("DELETE", stream, { token })).toMatchObject({ status: 404 });
    await put();
    expect(await send("DELETE", stream, { token })).toMatchObject({ answer: { standing: "revoked" } });
    for (const log of [`/v1/customers/${customer}/audit`, `/v1/vendors/${vendor}/audit`]) {
      expect((await send("GET", log)).answer.entries).toMatchObject([
        { what: `DELETE ${stream}`, before: { standing: "active" }, after: { standing: "revoked" } },
      ]);
    }
  });
});

it("a token or a tenant that sends more than its share is told when to come back, and another tenant notices nothing", async () => {
  const strict = await startVendorService({ rateLimits: { token: 3, tenant: 5 } });
  const token = (tenant: string) => strict.tokenOf({ kind: "customer", tenant, role: "viewer" });
  /** Of so many one minute has its share and one more, however they fall into two. */
  const refusal = async (senders: string[], count: number) => {
    for (let sent = 0; sent < 2 * count + 1; sent++) {
      const authorization = `Bearer ${senders[sent % senders.length]}`;
      const response = await strict.api.request("/v1/whoami", { headers: { authorization } });
      if (response.status === 429) return response;
    }
    throw new Error("Nothing was refused");
  };
  const refused = await refusal([await token("greedy")], 3);
  expect(await refused.json()).toMatchObject({ code: "rate-limited", detail: expect.stringContaining("one token") });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(60);
  const many = await Promise.all(Array.from({ length: 4 }, () => token("many")));
  expect(await (await refusal(many, 5)).json()).toMatchObject({ detail: expect.stringContaining("one tenant") });
  const authorization = `Bearer ${await token("modest")}`;
  expect((await strict.api.request("/v1/whoami", { headers: { authorization } })).status).toBe(200);
  await strict.stop();
});
