import type { Hono } from "hono";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";

const clock = Date.UTC(2026, 10, 25, 12);
let portal: TestPortal;
let token: string;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock) });
  token = await portal.customer("globex", []);
});
afterAll(() => portal?.stop());

const origin = "http://portal.test";

async function signIn(app: Pick<Hono, "request">, base: string, headers: Record<string, string>) {
  const response = await app.request(`${base}/sign-in`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", ...headers },
    body: new URLSearchParams({ token }),
  });
  return { status: response.status, cookie: response.headers.get("set-cookie") ?? "" };
}

test("a sign-out ends the session at the server: its cookie opens nothing any more, and the token and other sessions stay good", async () => {
  const open = async () => (await signIn(portal.app, origin, { origin })).cookie.split(";")[0] ?? "";
  const [first, second] = [await open(), await open()];
  const visit = async (cookie: string) =>
    (await portal.app.request(`${origin}/machines`, { headers: { cookie } })).status;
  expect([await visit(first), await visit(second)]).toEqual([200, 200]);
  await portal.app.request(`${origin}/sign-out`, { method: "POST", headers: { origin, cookie: first } });
  expect([await visit(first), await visit(second)]).toEqual([303, 200]);
  expect(await visit(await open())).toBe(200);
});

test("an owner sees sessions among the tokens and can end them there", async () => {
  const cookie = (await signIn(portal.app, origin, { origin })).cookie.split(";")[0] ?? "";
  const { items } = await portal.stores.apiTokens.listByTenant({ kind: "customer", tenant: "globex" });
  const sessions = items.filter(({ label, revokedAt }) => label === "portal session" && revokedAt === undefined);
  expect(sessions.length).toBeGreaterThan(0);
  for (const { hash } of sessions) await portal.stores.apiTokens.revoke(hash, clock);
  expect((await portal.app.request(`${origin}/machines`, { headers: { cookie } })).status).toBe(303);
});

test("behind a proxy that ends TLS the cookie is Secure, and a form that names the public origin is taken", async () => {
  const behind = await startPortal({ now: () => new Date(clock), publicUrl: "https://portal.test" });
  try {
    token = await behind.customer("globex", []);
    const { status, cookie } = await signIn(behind.app, origin, { origin: "https://portal.test" });
    expect({ status, cookie }).toEqual({ status: 303, cookie: expect.stringMatching(/; Secure/) });
    expect((await signIn(behind.app, origin, { origin: "https://evil.test" })).status).toBe(403);
  } finally {
    await behind.stop();
  }
});
