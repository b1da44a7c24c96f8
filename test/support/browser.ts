import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";
import type { LocalIdentity } from "../../infra/local/identity.ts";

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
export const phone = { width: 390, height: 844 };
/** Where the pictures of the documents are kept: set it to take them anew. */
const screenshots = process.env.SUTURE_SCREENSHOTS;
/** Of a long page the begin says enough; CSS pixels. */
const pictureHeight = 1000;
const require = createRequire(import.meta.url);
const axe = require.resolve("axe-core/axe.min.js");

/** Why there is no browser to test with; undefined where there is one. */
export const noBrowser = existsSync(executablePath) ? undefined : `there is no ${executablePath}`;

/** Somebody at a browser. `complaints` is what no page may do: say an error, open a dialog, ask another host. */
export type Visitor = { page: Page; context: BrowserContext; complaints: string[] };
type Site = { url: string; identity: Pick<LocalIdentity, "issuer"> };

export type TestBrowser = Awaited<ReturnType<typeof startBrowser>>;

/** Debian's Chromium before a portal and the identity provider that people sign in with there. */
export async function startBrowser({ url, identity }: Site) {
  const browser: Browser = await chromium.launch({ executablePath, args: flags });
  const axeSource = await readFile(axe, "utf8");

  /** @param email who signs in, by clicking through the provider; nobody where it is undefined */
  async function visit(email: string | undefined, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({ viewport: desktop, ...options });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("dialog", (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
    page.on("request", (request) => {
      const known = [`${url}/`, `${identity.issuer}/`, "data:"];
      if (!known.some((start) => request.url().startsWith(start))) complaints.push(request.url());
    });
    if (email !== undefined) await signIn(page, email);
    return { page, context, complaints };
  }

  /** Leaves for the provider, says there who one is, and comes back to where one was going. */
  async function signIn(page: Page, email: string): Promise<void> {
    await page.goto(url);
    await page.getByRole("link", { name: "Sign in" }).click();
    expect(page.url()).toContain(identity.issuer);
    await page.getByRole("link", { name: email }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    expect(page.url()).toContain(url);
  }

  /** Opens a page: it is there under its policy, nothing on it is wider than the screen, and axe finds nothing against it. */
  async function open({ page }: Visitor, path: string): Promise<void> {
    const answer = await page.goto(url + path);
    expect(answer?.status(), path).toBe(200);
    expect(answer?.headers()["content-security-policy"], path).toMatch(/^default-src 'none'; script-src 'self';/);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    expect.soft(width, path).toBeLessThanOrEqual(page.viewportSize()?.width ?? 0);
    expect.soft(await violations(page), path).toEqual([]);
  }

  /** Opens a page on a desk, light, and on a phone, dark. Takes its pictures where they are wanted. */
  async function look(visitor: Visitor, name: string, path: string): Promise<void> {
    const { page } = visitor;
    for (const [kind, viewport] of Object.entries({ desktop, phone })) {
      await page.setViewportSize(viewport);
      await page.emulateMedia({ colorScheme: kind === "phone" ? "dark" : "light" });
      await open(visitor, path);
      if (screenshots !== undefined) await picture(page, join(screenshots, `${name}-${kind}.webp`));
    }
  }

  /** What axe has against a page: each rule with the elements that break it. */
  async function violations(page: Page): Promise<string[]> {
    // The browser's own protocol evaluates it, so that the page's policy need not allow anything
    await page.evaluate(axeSource);
    const found = (await page.evaluate("axe.run()")) as { violations: { id: string; nodes: { html: string }[] }[] };
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`);
  }

  return { url, visit, open, look, stop: () => browser.close() };
}

/** A picture of the page's begin as WebP, which Playwright itself does not take. */
async function picture(page: Page, file: string): Promise<void> {
  const { width } = page.viewportSize() ?? desktop;
  const whole = Number(await page.evaluate("document.documentElement.scrollHeight"));
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", {
    format: "webp",
    quality: 50,
    captureBeyondViewport: true,
    clip: { x: 0, y: 0, width, height: Math.min(whole, pictureHeight), scale: 1 },
  });
  await writeFile(file, Buffer.from(data, "base64"));
}
