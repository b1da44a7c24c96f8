import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostile } from "../../test/support/portal-account.ts";
import { startVisitors, type Visitors } from "../../test/support/portal-visitors.ts";
import { newRollout } from "../domain/rollout.ts";

const clock = Date.UTC(2026, 10, 25, 12);
let portal: Visitors["portal"];
let account: Visitors["account"];
let get: Visitors["get"];
let post: Visitors["post"];
beforeAll(async () => {
  ({ portal, account, get, post } = await startVisitors(clock));
});
afterAll(() => portal?.stop());

const pages = ["/rollouts", "/policies", "/pins", "/support", "/tokens", "/people", "/usage", "/audit"];
const vendorPages = [
  "/published",
  "/publish",
  "/products",
  "/products/echod",
  "/people",
  "/usage",
  "/audit",
  "/tokens",
];
const vendorFiles = ["/published.csv", "/products.csv", "/people.csv", "/usage.csv", "/audit.csv", "/tokens/api.csv"];
const operatorPages = [
  "/tenants",
  "/tenants/customers/northwind",
  "/tenants/vendors/acme",
  "/health",
  "/expiries",
  "/audit",
];
const files = [...pages.map((page) => `${page}.csv`), "/audit.ndjson", "/subscriptions.csv"];

describe("who sees what", () => {
  test("every page and every list's file is there for each role of a customer", async () => {
    for (const who of ["owner", "operator", "viewer"]) {
      for (const path of pages) expect(await get(path, who), `${path} as ${who}`).toMatchObject({ status: 200 });
      for (const path of files) {
        const { status, type } = await get(path, who);
        expect([status, type], `${path} as ${who}`).toEqual([200, expect.stringMatching(/csv|ndjson/)]);
      }
    }
  });

  test("another customer's rollout, policy and pin are like what does not exist, whatever is done to them", async () => {
    const paths = [`/rollouts/${account.patches.halted}`, "/policies/careful", "/pins/db-freeze"];
    for (const path of paths) expect(await get(path, "stranger"), path).toMatchObject({ status: 404 });
    const deeds = [`/rollouts/${account.patches.halted}`, "/policies/careful/remove", "/pins/db-freeze/end"];
    for (const path of deeds) expect((await post(path, { do: "resume" }, "stranger")).status, path).toBe(404);
    expect((await get("/rollouts", "stranger")).text).not.toContain("tlsd");
    expect(await portal.stores.policies.get(account.customer, "careful")).toBeDefined();
  });

  test("a vendor has pages of its own, and a customer's are like what does not exist", async () => {
    for (const path of [...vendorPages, ...vendorFiles]) {
      expect(await get(path, "vendor"), path).toMatchObject({ status: 200 });
    }
    for (const path of ["/rollouts", "/policies", "/pins", "/support", "/tokens/new"]) {
      expect(await get(path, "vendor"), path).toMatchObject({ status: 404 });
    }
  });

  test("the operator has the service's pages, which nobody else has, and no customer's", async () => {
    const files = ["/customers.csv", "/vendors.csv", "/health.csv", "/expiries.csv"];
    for (const path of [...operatorPages, ...files]) {
      expect(await get(path, "service"), path).toMatchObject({ status: 200 });
      if (path === "/audit") continue;
      for (const who of ["owner", "vendor"])
        expect(await get(path, who), `${path} as ${who}`).toMatchObject({ status: 404 });
    }
    for (const path of ["/rollouts", "/published", "/people"]) {
      expect(await get(path, "service"), path).toMatchObject({ status: 404 });
    }
  });

  test("a viewer is offered nothing to do, and what is sent all the same is refused and changes nothing", async () => {
    const rollout = await get(`/rollouts/${account.patches.halted}`, "viewer");
    expect(rollout.text).not.toContain('name="do"');
    expect((await get("/policies", "viewer")).text).not.toContain("/policies/new");
    const before = await portal.stores.rollouts.get(account.customer, account.patches.halted);
    expect((await post(`/rollouts/${account.patches.halted}`, { do: "abort" }, "viewer")).status).toBe(403);
    expect(await portal.stores.rollouts.get(account.customer, account.patches.halted)).toEqual(before);
    expect((await post("/tokens/new", { uses: "1", hours: "1" }, "viewer")).status).toBe(403);
    expect((await post("/people/invite", { user: "eve@northwind.example", role: "owner" }, "operator")).status).toBe(
      403,
    );
  });
});

test("hostile text of a vendor, a customer, a person or a token stays text on every page", async () => {
  const clean = (text: string, path: string) => {
    expect(text, path).not.toMatch(/<script>alert|<img src=x/);
    expect(text, path).not.toMatch(/="[^"]*"'>/);
  };
  const id = "acme/echod/stable/hostile@1";
  await portal.patch(id, { title: hostile });
  await portal.stores.rollouts.create(
    newRollout(
      { customer: account.customer, patch: id, size: 1 },
      { waves: [{ share: 1, bakeMinutes: 0 }], failureLimit: 0.5, onHalt: "keep" },
      clock,
    ),
  );
  expect((await post(`/rollouts/${id}`, { do: "halt", note: hostile })).status).toBe(303);
  expect((await post("/tokens/api/new", { label: hostile, role: "viewer", days: "1" })).status).toBe(200);
  const pin = { name: "hostile", patch: "acme/echod/hostile", until: "2026-12-24T18:00", reason: hostile };
  expect((await post("/pins", pin)).status).toBe(303);
  expect((await post("/policies", { name: "hostile", hostname: hostile, apply: "report" })).status).toBe(303);
  const answer = { held: "yes", answer: hostile };
  expect((await post("/published/echod/stable/hostile@1", answer, "vendor")).status).toBe(303);
  const matrix = { builds: "", kernels: `6.1; x86_64; 2028-01-01; ${hostile}`, programs: hostile };
  expect((await post("/products/echod", matrix, "vendor")).status).toBe(303);
  const query = encodeURIComponent(hostile);
  const shown: [string, string][] = [
    ...[...pages, `/rollouts/${id}`, "/pins/hostile", "/policies/hostile"].map((path): [string, string] => [
      path,
      "owner",
    ]),
    ...[`/audit?who=${query}`, `/tokens/new?group=${query}`, `/pins/new?patch=${query}`].map(
      (path): [string, string] => [path, "owner"],
    ),
    ...[...vendorPages, "/published/echod/stable/hostile@1"].map((path): [string, string] => [path, "vendor"]),
    ...operatorPages.map((path): [string, string] => [path, "service"]),
  ];
  for (const [path, who] of shown) {
    const { status, text } = await get(path, who);
    expect(status, path).toBe(200);
    clean(text, path);
  }
  await post("/policies/hostile/remove", {});
  await post("/pins/hostile/end", {});
});
