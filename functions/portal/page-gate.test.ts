import { afterAll, beforeAll, expect, it } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";
import { PageGate, usualPageLimits } from "./page-gate.ts";

const clock = { now: Date.parse("2026-11-25T00:00:00Z") };
const limits = { ...usualPageLimits, session: { perSecond: 5, burst: 10 } };
let portal: TestPortal;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock.now), pageLimits: limits });
});
afterAll(async () => await portal?.stop());

async function cookieOf(customer: string): Promise<string> {
  const answer = await portal.app.request("http://portal.test/sign-in", {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", origin: "http://portal.test" },
    body: new URLSearchParams({ token: await portal.customer(customer, []) }).toString(),
  });
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

it("a session that asks for pages without end is told to wait, and another tenant's pages are made", async () => {
  const [loud, quiet] = [await cookieOf("loud"), await cookieOf("quiet")];
  const page = (cookie: string) => portal.app.request("http://portal.test/usage", { headers: { cookie } });
  const statuses: number[] = [];
  for (let at = 0; at < limits.session.burst + 5; at++) statuses.push((await page(loud)).status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(limits.session.burst);
  expect(statuses.filter((status) => status === 429)).toHaveLength(5);
  expect((await page(loud)).headers.get("retry-after")).toBe("1");
  expect((await page(quiet)).status).toBe(200);
});

it("makes so many pages of a tenant at once, whatever their sessions, and more when those are made", async () => {
  const gate = new PageGate({ ...limits, atOnce: 2 }, () => clock.now);
  const ends: (() => void)[] = [];
  const make = () => new Promise<void>((resolve) => ends.push(resolve));
  const globex = { kind: "customer", tenant: "globex" } as const;
  const made = [gate.tenant(globex, make), gate.tenant(globex, make)];
  await expect(gate.tenant(globex, make)).rejects.toMatchObject({ code: "rate-limited" });
  const other = gate.tenant({ kind: "vendor", tenant: "globex" }, make);
  for (const end of ends) end();
  await Promise.all([...made, other]);
  await gate.tenant(globex, () => Promise.resolve());
});
