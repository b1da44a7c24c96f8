import { existsSync } from "node:fs";
import { join } from "node:path";
import { Hono } from "hono";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { apiDocs } from "../../functions/portal/api-docs.tsx";
import { type Listener, listen } from "../../infra/local/listen.ts";
import { startPortal, type TestPortal } from "../support/portal.ts";

const executablePath = "/usr/bin/chromium";
const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const desktop = { width: 1200, height: 760 };
const phone = { width: 390, height: 844 };
/** Where the pictures of the README are kept: set it to take them anew. */
const screenshots = process.env.SUTURE_SCREENSHOTS;

const fix = "acme/echod/stable/bounds-check@1";
const handshake = "acme/tlsd/stable/handshake@2";
const old = "acme/echod/stable/greeting@3";
const description = {
  openapi: "3.1.0",
  info: { title: "Suture", version: "1" },
  paths: {
    "/v1/customers/{customer}/enrolment-tokens": {
      post: {
        summary: "A token",
        parameters: [{ name: "customer", in: "path", required: true, schema: { type: "string" } }],
        requestBody: {
          content: { "application/json": { schema: { type: "object", properties: { uses: { type: "integer" } } } } },
        },
        responses: { 201: { description: "Made", content: { "application/json": { schema: { type: "object" } } } } },
      },
    },
  },
};

let portal: TestPortal;
let server: Listener;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let token: string;
let machines: Awaited<ReturnType<TestPortal["machine"]>>[];
/** What no page may do: complain on the console, or ask another host. */
let complaints: string[];

beforeAll(async () => {
  if (!existsSync(executablePath)) return;
  portal = await startPortal({ now: () => new Date() });
  server = await listen(0);
  const app = new Hono();
  app.route("/docs", apiDocs());
  app.get("/openapi.json", (c) => c.json(description));
  app.route("/", portal.app);
  server.serve(app.fetch);
  browser = await chromium.launch({ executablePath, args: flags });
  token = await portal.customer("northwind", ["acme/echod/stable", "acme/tlsd/stable"]);
  await portal.patch(fix, {
    title: "echod answers past the end of its buffer",
    severity: "critical",
    cves: ["CVE-2026-99999"],
    advisory: "https://acme.example/advisories/1",
  });
  await portal.patch(old, { title: "echod greets with the wrong version", severity: "low" });
  await portal.patch(handshake, { title: "tlsd accepts an empty certificate", severity: "high" });
  machines = await Promise.all(
    ["db-1", "db-2", "mail-1", "web-1", "web-2"].map((hostname) =>
      portal.machine("northwind", { hostname, group: hostname.split("-")[0] ?? "" }),
    ),
  );
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await portal?.stop();
});
beforeEach(async ({ skip }) => {
  if (!existsSync(executablePath)) skip(`there is no ${executablePath}`);
  complaints = [];
  context = await browser.newContext({ viewport: desktop });
  page = await context.newPage();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) complaints.push(request.url());
  });
});
afterEach(() => context?.close());

async function signIn(): Promise<void> {
  await page.goto(server.url);
  await page.getByLabel("Portal token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.goto(`${server.url}/machines`);
  await page.getByRole("heading", { name: "Machines" }).waitFor();
}

test("a patch that goes out is seen on the open page, and nothing else moves", async () => {
  await signIn();
  const row = page.getByRole("row", { name: "web-1" });
  await expect.poll(() => row.textContent()).toContain("In progress");
  const legend = page.locator("details.legend");
  await legend.locator("summary").click();
  const other = await page.getByRole("row", { name: "db-1" }).elementHandle();
  let loads = 0;
  page.on("load", () => loads++);
  const unchanged = await page.waitForResponse((response) => response.request().headers()["hx-request"] === "true");
  expect(unchanged.status()).toBe(304);

  const evidence = { pauseMicros: 132, processes: [{ pid: 4242, code: "applied", threads: 8, attempts: 1 }] };
  await machines[3]?.report(fix, "applied", { evidence });
  await machines[3]?.report(old, "applied", { evidence: { ...evidence, pauseMicros: 96 } });
  await machines[3]?.report(handshake, "applied", { evidence });
  await expect.poll(() => row.textContent(), { timeout: 10_000 }).toContain("Patched");
  expect(await row.textContent()).toContain("3 applied");
  expect(loads).toBe(0);
  expect(await other?.evaluate((node) => node.isConnected)).toBe(true);
  expect(await legend.getAttribute("open")).not.toBeNull();
  expect(complaints).toEqual([]);
});

test("every page is readable on a desk and on a phone, light and dark", async () => {
  await machines[1]?.report(fix, "quarantined", { detail: "tcp 127.0.0.1:7007 refused the connection" });
  await machines[2]?.report(fix, "blocked", {
    detail: "process 811: a thread is inside echo",
    evidence: { attempts: 20 },
  });
  await machines[4]?.report(fix, "applied", { evidence: { pauseMicros: 141 } });
  await signIn();
  await look("machines", "/machines");
  await look("machine", `/machines/${machines[3]?.id}`);
  await look("patch", `/patches/${fix}`);
  await look("patches", "/patches");
  await look("report", "/report");
  await look("sign-in", "/sign-in");
  await portal.stores.patches.markWithdrawn(handshake, { at: Date.now(), reason: "old clients cannot connect" });
  await look("withdrawn", `/patches/${handshake}`);
  expect(complaints).toEqual([]);
});

/** Opens a page on a desk, light, and on a phone, dark; nothing on it may be wider than the screen. */
async function look(name: string, path: string): Promise<void> {
  for (const [kind, viewport] of Object.entries({ desktop, phone })) {
    await page.setViewportSize(viewport);
    await page.emulateMedia({ colorScheme: kind === "phone" ? "dark" : "light" });
    const answer = await page.goto(server.url + path);
    expect(answer?.status()).toBe(200);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    expect(width, `${name} on a ${kind}`).toBeLessThanOrEqual(viewport.width);
    if (screenshots !== undefined) {
      await page.screenshot({ path: join(screenshots, `${name}-${kind}.png`), fullPage: true });
    }
  }
}

test("a fleet is read, filtered and left without JavaScript", async () => {
  const plain = await browser.newContext({ javaScriptEnabled: false, viewport: phone });
  page = await plain.newPage();
  await signIn();
  await page.getByPlaceholder("Name begins with").fill("mail");
  await page.getByRole("button", { name: "Filter" }).click();
  expect(await page.getByRole("row").allTextContents()).toEqual([
    expect.stringContaining("Machine"),
    expect.stringContaining("mail-1"),
  ]);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.goto(`${server.url}/patches`);
  expect(page.url()).toContain("/sign-in");
  await plain.close();
});

test("a hostile host name runs nothing in the browser", async () => {
  await portal.machine("northwind", { hostname: `<img src=x onerror="document.title='owned'">` });
  await signIn();
  await page.getByText("<img src=x").waitFor();
  expect(await page.title()).toContain("Machines");
  expect(complaints).toEqual([]);
});

test("the API's page shows every route of its description", async () => {
  await page.goto(`${server.url}/docs`);
  await page.getByText("A token").click();
  await page.getByText("Made").waitFor();
  await page.getByRole("button", { name: "Try it out" }).click();
  expect(complaints).toEqual([]);
});
