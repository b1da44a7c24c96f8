import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { noBrowser, startBrowser, type TestBrowser, type Visitor } from "../support/browser.ts";
import { fillAccount, people } from "../support/portal-account.ts";
import { type PortalSite, startPortalSite } from "../support/portal-site.ts";

let site: PortalSite;
let browser: TestBrowser;
let account: Awaited<ReturnType<typeof fillAccount>>;
let refusing: string;

beforeAll(async () => {
  if (noBrowser !== undefined) return;
  site = await startPortalSite();
  account = await fillAccount(site.portal, Date.now());
  refusing = (await site.portal.machine(account.customer, { hostname: "branch-1", group: "web", refusals: refusals() }))
    .id;
  browser = await startBrowser(site);
});
afterAll(async () => {
  await browser?.stop();
  await site?.stop();
});
beforeEach(({ skip }) => {
  if (noBrowser !== undefined) skip(noBrowser);
});

/** What a machine says that stands behind a proxy which somebody else keeps. */
function refusals(): NonNullable<HostFacts["refusals"]> {
  const now = Math.floor(Date.now() / 1000);
  const detail = "The repository's metadata is refused: New timestamp version 41 is less than current version 57";
  return [
    { of: "metadata", name: "acme", code: "rollback-detected", detail, since: now - 7_300, last: now - 240 },
    {
      of: "plan",
      name: "",
      code: "plan-invalid",
      detail: "The plan is refused: it does not answer this check-in",
      since: now - 93_000,
      last: now - 93_000,
      over: now - 92_100,
    },
  ];
}

/** Every page of its own kind, as the pictures of the documents are called. */
function pages(): Partial<Record<keyof typeof people, Record<string, string>>> {
  const { patches, machines } = account;
  const named = (...names: string[]) => Object.fromEntries(names.map((name) => [name, `/${name}`]));
  return {
    owner: {
      overview: "/",
      "machines-exposed": "/machines?exposed=critical&group=db",
      machine: `/machines/${machines[2]?.id}`,
      "machine-refusing": `/machines/${refusing}`,
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
