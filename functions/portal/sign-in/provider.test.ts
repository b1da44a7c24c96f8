import { afterAll, beforeAll, expect, test } from "vitest";
import { type LocalIdentity, startIdentity } from "../../../infra/local/identity.ts";
import { startPortal, type TestPortal } from "../../../test/support/portal.ts";
import { openProvider } from "./provider.ts";

const origin = "http://portal.test";
let identity: LocalIdentity;
let portal: TestPortal;
beforeAll(async () => {
  const people = [
    { email: "ann@globex.test", groups: ["globex-owners"] },
    { email: "max@globex.test", groups: [] },
    { email: "olga@suture.test", groups: ["suture-operators"] },
  ];
  identity = await startIdentity({ portalUrl: origin, people, port: 0 });
  portal = await startPortal({ now: () => new Date(), provider: openProvider(identity) });
  for (const name of ["globex", "initech"]) await portal.customer(name, []);
  const { issuer, clientId: audience, groupsClaim, jwks } = identity;
  const roles = { "globex-owners": "owner" };
  await portal.stores.identityProviders.put({
    tenant: "customer/globex",
    issuer,
    audience,
    groupsClaim,
    jwks: { keys: [...jwks.keys] },
    roles,
  });
});
afterAll(async () => {
  await portal?.stop();
  await identity?.stop();
});

/** A browser's jar for both ends: keeps cookies, follows redirects by hand. */
function browser() {
  const jar = new Map<string, string>();
  async function visit(
    url: string,
    init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const headers = {
      accept: "text/html",
      ...init.headers,
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
    };
    const asked: RequestInit = { ...init, headers, redirect: "manual" };
    const answer = url.startsWith(origin) ? await portal.app.request(url, asked) : await fetch(url, asked);
    for (const cookie of answer.headers.getSetCookie()) {
      const [pair = "", ...attributes] = cookie.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      if (attributes.includes("Max-Age=0") || value === "") jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }
  const next = (answer: Response, base: string) => new URL(answer.headers.get("location") ?? "", base).href;

  /** Goes to the provider, clicks on a person, and comes back as far as the callback's address. */
  async function reachCallback(email: string, query = ""): Promise<string> {
    const authorize = next(await visit(`${origin}/sign-in/provider${query}`), origin);
    const interaction = next(await visit(authorize), identity.issuer);
    // The provider remembers who it is
    if (interaction.startsWith(origin)) return interaction;
    expect(await (await visit(interaction)).text()).toContain(email);
    const resume = next(await visit(`${interaction}/login?as=${encodeURIComponent(email)}`), identity.issuer);
    return next(await visit(resume), identity.issuer);
  }
  return { visit, reachCallback, jar };
}

test("a member signs in with the provider, lands where they were going, and signing out ends the token too", async () => {
  const { visit, reachCallback, jar } = browser();
  const callback = await reachCallback("ann@globex.test", "?next=%2Fpatches&tenant=customer%2Fglobex");
  const back = await visit(callback);
  expect([back.status, back.headers.get("location")]).toEqual([303, "/patches"]);
  const page = await (await visit(`${origin}/people`)).text();
  expect(page).toContain("ann@globex.test · owner");
  expect(page).toContain("<h1>Users");
  const session = jar.get("suture-session") ?? "";
  await visit(`${origin}/sign-out`, { method: "POST", headers: { origin } });
  jar.set("suture-session", session);
  expect((await visit(`${origin}/people`)).status).toBe(303);
  expect(await (await visit(`${origin}/signed-out`)).text()).toContain(`${identity.issuer}/session/end`);
});

test("a code that another browser began, an old one and a changed state sign nobody in", async () => {
  const [hers, other] = [browser(), browser()];
  const callback = await hers.reachCallback("ann@globex.test");
  expect((await other.visit(callback)).status).toBe(401);
  const changed = new URL(callback);
  changed.searchParams.set("state", "forged");
  expect((await hers.visit(changed.href)).status).toBe(401);
  // The journey ends with its first return, whatever came of it
  expect((await hers.visit(callback)).status).toBe(401);
  expect(hers.jar.has("suture-session")).toBe(false);
});

test("whom nobody let in is told so; the groups decide anew each time; who may be in two places is asked", async () => {
  const stranger = browser();
  const refused = await stranger.visit(await stranger.reachCallback("max@globex.test"));
  expect([refused.status, await refused.text()]).toEqual([403, expect.stringContaining("nobody let you in here yet")]);

  const joinedAt = Date.now();
  await portal.stores.members.put({ tenant: "customer/globex", user: "max@globex.test", role: "owner", joinedAt });
  expect((await stranger.visit(await stranger.reachCallback("max@globex.test"))).status).toBe(403);
  expect(await portal.stores.members.get("customer/globex", "max@globex.test")).toBeUndefined();

  await portal.stores.members.put({ tenant: "customer/initech", user: "olga@suture.test", role: "viewer", joinedAt });
  const olga = browser();
  const asked = await (await olga.visit(await olga.reachCallback("olga@suture.test"))).text();
  expect(asked).toContain("operator/service");
  const choose = (place: string) =>
    olga.visit(`${origin}/sign-in/choose`, {
      method: "POST",
      headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ place }).toString(),
    });
  const choice = olga.jar.get("suture-choice") ?? "";
  expect((await choose("customer/globex")).status).toBe(401);
  olga.jar.set("suture-choice", choice);
  expect((await choose("customer/initech")).status).toBe(303);
  expect(await (await olga.visit(`${origin}/people`)).text()).toContain("olga@suture.test · viewer");
});
