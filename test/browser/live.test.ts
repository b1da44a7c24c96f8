import { afterAll, beforeAll, expect, test } from "vitest";
import { noBrowser, startBrowser, type TestBrowser } from "../support/browser.ts";
import { people } from "../support/portal-account.ts";
import { type PortalSite, startPortalSite } from "../support/portal-site.ts";

const fix = "acme/echod/stable/bounds-check@1";

let site: PortalSite;
let browser: TestBrowser;
beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await startPortalSite();
  browser = await startBrowser(site);
});
afterAll(async () => {
  await browser?.stop();
  await site?.stop();
});

test("somebody signs in with the provider, and sees a patch that goes out on the open page, where nothing else moves", async ({
  skip,
}) => {
  if (noBrowser !== undefined) return skip(noBrowser);
  const { portal } = site;
  await portal.customer("northwind", ["acme/echod/stable"]);
  const joinedAt = Date.now();
  await portal.stores.members.put({ tenant: "customer/northwind", user: people.viewer, role: "viewer", joinedAt });
  await portal.patch(fix, { severity: "critical" });
  const [, web] = await Promise.all(["db-1", "web-1"].map((hostname) => portal.machine("northwind", { hostname })));

  const { page, complaints } = await browser.visit(people.viewer);
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.getByRole("link", { name: "Machines", exact: true }).click();
  const row = page.getByRole("row", { name: "web-1" });
  await row.getByText("In progress").waitFor();
  const legend = page.locator("details.legend");
  await legend.locator("summary").click();
  const other = await page.getByRole("row", { name: "db-1" }).elementHandle();
  let loads = 0;
  page.on("load", () => loads++);
  const unchanged = await page.waitForResponse((response) => response.request().headers()["hx-request"] === "true");
  expect(unchanged.status()).toBe(304);

  await web?.report(fix, "applied", { evidence: { pauseMicros: 132 } });
  await row.getByText("Patched").waitFor();
  expect(loads).toBe(0);
  expect(await other?.evaluate((node) => node.isConnected)).toBe(true);
  expect(await legend.getAttribute("open")).not.toBeNull();
  expect(complaints).toEqual([]);
});
