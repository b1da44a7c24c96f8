import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";

let service: VendorService;
beforeAll(async () => {
  service = await startVendorService();
  await send("POST", "/v1/customers", service.operator, { customer: "globex", title: "Globex" });
});
afterAll(() => service.stop());

async function send(method: string, path: string, token: string, json?: unknown) {
  const response = await service.api.request(path, {
    method,
    headers: { "content-type": "application/json", ...(token !== "" && { authorization: `Bearer ${token}` }) },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  return { status: response.status, answer: text === "" ? {} : JSON.parse(text) };
}

const whoami = (token: string) => send("GET", "/v1/whoami", token);

describe("an invitation", () => {
  it("lets one person in once, whose tokens have the member's role and end with the membership", async () => {
    const invite = { user: "Ann@Example.com", role: "owner" };
    const { answer } = await send("POST", "/v1/customers/globex/invitations", service.operator, invite);
    const accept = () => send("POST", "/v1/invitations/accept", "", { invitation: answer.invitation });
    const { token } = (await accept()).answer;
    expect(await accept()).toMatchObject({ status: 401, answer: { code: "unauthorized" } });
    const ann = "ann@example.com";
    expect((await whoami(token)).answer).toMatchObject({ user: ann, principal: { kind: "customer", role: "owner" } });
    const role = (name: string) =>
      service.stores.members.put({ tenant: "customer/globex", user: ann, role: name, joinedAt: 1 });
    await role("viewer");
    expect((await whoami(token)).answer.principal.role).toBe("viewer");
    await role("owner");
    expect(await send("DELETE", `/v1/customers/globex/members/${ann}`, token)).toMatchObject({ status: 204 });
    expect(await whoami(token)).toMatchObject({ status: 401 });
  });

  it("into a role that its kind of tenant does not have is refused", async () => {
    const invite = { user: "ann@example.com", role: "publisher" };
    expect(await send("POST", "/v1/customers/globex/invitations", service.operator, invite)).toMatchObject({
      status: 400,
    });
  });
});

it("a token that is revoked opens nothing, and another tenant's cannot be", async () => {
  await send("POST", "/v1/customers", service.operator, { customer: "initech", title: "Initech" });
  const owner = await service.tokenOf({ kind: "customer", tenant: "globex", role: "owner" });
  const made = { role: "viewer", label: "wallboard", expiresInHours: 1 };
  const { answer } = await send("POST", "/v1/customers/globex/api-tokens", owner, made);
  const { tokens } = (await send("GET", "/v1/customers/globex/api-tokens", owner)).answer;
  const { id } = tokens.find(({ label }: { label: string }) => label === "wallboard");
  const stranger = await service.tokenOf({ kind: "customer", tenant: "initech", role: "owner" });
  expect(await send("DELETE", `/v1/customers/initech/api-tokens/${id}`, stranger)).toMatchObject({ status: 404 });
  expect(await whoami(answer.token)).toMatchObject({ status: 200 });
  expect(await send("DELETE", `/v1/customers/globex/api-tokens/${id}`, owner)).toMatchObject({ status: 204 });
  expect(await whoami(answer.token)).toMatchObject({ status: 401 });
});

describe("a sign-in with the tenant's identity provider", () => {
  const issuer = "https://id.example.com";
  let keys: Awaited<ReturnType<typeof generateKeyPair>>;
  beforeAll(async () => {
    keys = await generateKeyPair("ES256", { extractable: true });
    const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), kid: "1", alg: "ES256" }] };
    const roles = { sre: "owner", support: "viewer" };
    const provider = { issuer, audience: "suture", jwks, groupsClaim: "groups", roles };
    expect(await send("PUT", "/v1/customers/globex/identity-provider", service.operator, provider)).toMatchObject({
      status: 200,
    });
  });

  async function signIn(claims: JWTPayload, { by = keys.privateKey, tenant = "globex" } = {}) {
    const idToken = await new SignJWT({ iss: issuer, aud: "suture", email: "bob@example.com", ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "1" })
      .setExpirationTime(claims.exp ?? "5m")
      .sign(by);
    return await send("POST", `/v1/customers/${tenant}/sign-in`, "", { idToken });
  }

  it.each([
    ["is missing", {}, /no "groups"/],
    ["was left out because there are too many", { _claim_names: { groups: "src1" } }, /too many/],
    ["is a text", { groups: "sre" }, /not a list/],
    ["holds a number", { groups: ["sre", 4711] }, /not a list/],
    ["comes with an address that is not verified", { groups: ["sre"], email_verified: "false" }, /not accepted/],
  ])(
    "refuses a sign-in whose claim of the groups %s, says why, and changes no membership",
    async (_, claims, reason) => {
      const member = { tenant: "customer/globex", user: "ann@example.com", role: "owner", joinedAt: 1 };
      await service.stores.members.put(member);
      const { status, answer } = await signIn(claims);
      expect({ status, detail: answer.detail }).toEqual({ status: 401, detail: expect.stringMatching(reason) });
      expect(await service.stores.members.get("customer/globex", "ann@example.com")).toMatchObject({ role: "owner" });
    },
  );

  it("gives the highest role that a person's groups have, and the next sign-in another", async () => {
    const { answer } = await signIn({ groups: ["support", "sre", "toString"] });
    expect((await whoami(answer.token)).answer).toMatchObject({
      user: "bob@example.com",
      principal: { role: "owner" },
    });
    await signIn({ groups: ["support"] });
    expect((await whoami(answer.token)).answer.principal.role).toBe("viewer");
  });

  it("takes the role away from who is in no group any more", async () => {
    const { answer } = await signIn({ groups: ["sre"] });
    expect(await signIn({ groups: ["toString"] })).toMatchObject({ status: 403 });
    expect(await whoami(answer.token)).toMatchObject({ status: 401 });
  });

  it("is refused in one way for a forged, foreign, expired or unverified token, and for a tenant without a provider", async () => {
    const { privateKey } = await generateKeyPair("ES256");
    const groups = ["sre"];
    const refusals = [
      await signIn({ groups }, { by: privateKey }),
      await signIn({ groups, iss: "https://evil.example.com" }),
      await signIn({ groups, aud: "another" }),
      await signIn({ groups, exp: 1000 }),
      await signIn({ groups, email_verified: false }),
      await signIn({ groups }, { tenant: "initech" }),
      await signIn({ groups }, { tenant: "nobody" }),
    ];
    expect(new Set(refusals.map((refusal) => JSON.stringify(refusal))).size).toBe(1);
    expect(refusals[0]).toMatchObject({ status: 401, answer: { code: "unauthorized" } });
  });
});
