import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Hono } from "hono";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import { listen } from "../../infra/local/listen.ts";

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
/** Where the pictures of the documents are kept: set it to take them anew. */
const screenshots = process.env.SUTURE_SCREENSHOTS;
const require = createRequire(import.meta.url);
const axe = require.resolve("axe-core/axe.min.js");

/** Why there is no browser to test with; undefined where there is one. */
export const noBrowser = existsSync(executablePath) ? undefined : `there is no ${executablePath}`;

/** Somebody at a browser, signed in where a token is given. `complaints` is what no page may do. */
export type Visitor = { page: Page; context: BrowserContext; complaints: string[] };

/** Debian's Chromium before a portal on a port of its own. */
export async function startBrowser(app: Hono) {
  const server = await listen(0);
  server.serve(app.fetch);
  const browser: Browser = await chromium.launch({ executablePath, args: flags });
  const axeSource = await readFile(axe, "utf8");

  async function visit(token: string | undefined, options: { javaScriptEnabled?: boolean } = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: desktop, ...options });
    if (token !== undefined) {
      const answer = await context.request.post(`${server.url}/sign-in`, {
        form: { token },
        headers: { origin: server.url },
      });
      expect(answer.ok()).toBe(true);
    }
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith("data:")) complaints.push(request.url());
    });
    return { page, context, complaints };
  }

  /**
   * Opens a page on a desk, light, and on a phone, dark: it is there, nothing on it is wider than the screen, axe finds nothing against
   * it. Takes its pictures where they are wanted.
   */
  async function look({ page }: Visitor, name: string, path: string): Promise<void> {
    for (const [kind, viewport] of Object.entries({ desktop, phone })) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: kind === "phone" ? "dark" : "light" });
      const answer = await page.goto(server.url + path);
      expect(answer?.status(), path).toBe(200);
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width, `${path} on a ${kind}`).toBeLessThanOrEqual(viewport.width);
      expect.soft(await violations(page), `${path} on a ${kind}`).toEqual([]);
      if (screenshots !== undefined) {
        await page.screenshot({ path: join(screenshots, `${name}-${kind}.png`), fullPage: true });
      }
    }
  }

  /** What axe has against a page: each rule with the elements that break it. */
  async function violations(page: Page): Promise<string[]> {
    // The browser's own protocol evaluates it, so that the page's policy need not allow anything
    await page.evaluate(axeSource);
    const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  }

  async function stop(): Promise<void> {
    await browser.close();
    await server.close();
  }
  return { url: server.url, visit, look, stop };
}

export type TestBrowser = Awaited<ReturnType<typeof startBrowser>>;
