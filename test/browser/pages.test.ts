import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { noBrowser, startBrowser, type TestBrowser, type Visitor } from "../support/browser.ts";
import { fillAccount, people } from "../support/portal-account.ts";
import { type PortalSite, startPortalSite } from "../support/portal-site.ts";

let site: PortalSite;
let browser: TestBrowser;
let account: Awaited<ReturnType<typeof fillAccount>>;

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await startPortalSite();
  account = await fillAccount(site.portal, Date.now());
  browser = await startBrowser(site);
});
afterAll(async () => {
  await browser?.stop();
  await site?.stop();
});
beforeEach(({ skip }) => {
  if (noBrowser !== undefined) skip(noBrowser);
});

/** Every page of its own kind, as the pictures of the documents are called. */
function pages(): Partial<Record<keyof typeof people, Record<string, string>>> {
  const { patches, machines } = account;
  const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `/${name}`]));
  return {
    owner: {
      overview: "/",
      "machines-exposed": "/machines?exposed=critical&group=db",
      machine: `/machines/${machines[2]?.id}`,
      patch: `/patches/${patches.running}`,
      rollout: `/rollouts/${patches.running}`,
      policy: "/policies/databases",
      pin: "/pins/db-freeze",
      install: "/tokens/new?group=web",
      "api-token": "/tokens/api/new",
      provider: "/people/provider",
      ...named("machines", "patches", "rollouts", "report", "policies", "pins", "support", "tokens", "people"),
      ...named("usage", "audit", "join", "sign-in", "signed-out"),
    },
    publisher: {
      "published-patch": `/published/tlsd/stable/handshake@2`,
      "support-matrix": "/products/echod",
      ...named("published", "publish", "products"),
    },
    service: {
      "tenant-customer": "/tenants/customers/northwind",
      "tenant-vendor": "/tenants/vendors/acme",
      ...named("tenants", "health", "expiries"),
    },
  };
}

test("every page is right on a desk and on a phone, light and dark, and axe has nothing against it", async () => {
  for (const [role, paths] of Object.entries(pages())) {
    const visitor = await browser.visit(people[role as keyof typeof people]);
    for (const [name, path] of Object.entries(paths)) await browser.look(visitor, name, path);
    expect(visitor.complaints).toEqual([]);
    await visitor.context.close();
  }
}, 900_000);

test.for(Object.keys(people) as (keyof typeof people)[])(
  "every link that the %s meets leads to a page or a file that is there",
  { timeout: 900_000 },
  async (role) => {
    const visitor = await browser.visit(people[role]);
    const seen = await follow(visitor, "/");
    expect(seen.size).toBeGreaterThan(5);
    expect(visitor.complaints).toEqual([]);
    await visitor.context.close();
  },
);

/** Opens one page of each shape that links lead to from a path on, and asks for all others. @returns the shapes */
async function follow(visitor: Visitor, from: string): Promise<Set<string>> {
  const { page, context } = visitor;
  const [shapes, asked] = [new Set<string>(), new Set<string>()];
  const left = [from];
  for (let path = left.shift(); path !== undefined; path = left.shift()) {
    if (asked.has(path)) continue;
    asked.add(path);
    const shape = shapeOf(path);
    if (shapes.has(shape) || /\.(csv|ndjson|json)(\?|$)/.test(path)) {
      const answer = await context.request.get(browser.url + path, { headers: { accept: "text/html" } });
      expect(answer.status(), path).toBe(200);
      continue;
    }
    shapes.add(shape);
    await browser.open(visitor, path);
    const links: (string | null)[] = await Promise.all(
      (await page.locator("a[href^='/']").all()).map((link) => link.getAttribute("href")),
    );
    left.push(...links.flatMap((link) => (link === null ? [] : [link.replace(/#.*/, "")])));
  }
  return shapes;
}

/** A page as far as its markup goes: of which machine or patch it tells, and what a list is narrowed to, is left out. */
function shapeOf(path: string): string {
  const { pathname, searchParams } = new URL(path, browser.url);
  const kind = pathname
    .replace(/^\/(machines)\/m-.*/, "/$1/:machine")
    .replace(/^\/(patches|rollouts|published)\/.*/, "/$1/:patch");
  return `${kind} ${[...searchParams.keys()].sort().join(" ")}`;
}
