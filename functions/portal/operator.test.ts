import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostile } from "../../test/support/portal-account.ts";
import { startVisitors, type Visitors } from "../../test/support/portal-visitors.ts";

const clock = Date.UTC(2026, 10, 25, 12);
let portal: Visitors["portal"];
let get: Visitors["get"];
let post: Visitors["post"];
beforeAll(async () => {
  ({ portal, get, post } = await startVisitors(clock));
});
afterAll(() => portal?.stop());

describe("the operator", () => {
  test("lets a customer in, gives it a channel and its first owner", async () => {
    const made = await post("/tenants/customers", { name: "initech", title: hostile }, "service");
    expect(made.headers.get("location")).toBe("/tenants/customers/initech");
    expect((await get("/tenants", "service")).text).not.toContain("<script>alert");
    const channel = { stream: "acme/echod/stable", seats: "5" };
    const unknown = await post("/tenants/customers/initech/grant", channel, "service");
    expect([unknown.status, await unknown.text()]).toEqual([404, expect.stringContaining("no product echod")]);
    const invited = await post("/tenants/customers/initech/invite", { user: "bill@initech.example" }, "service");
    expect(await invited.text()).toMatch(/suture-invite\.[A-Za-z0-9_-]{43}/);
    const again = await post("/tenants/customers", { name: "initech", title: "again" }, "service");
    expect([again.status, await again.text()]).toEqual([409, expect.stringContaining("initech already")]);
  });

  test("sees at once that a repository's timestamp is late", async () => {
    const published = { snapshot: 3, timestamp: 9, signedAt: clock - 20 * 3_600_000, roles: {} };
    await portal.stores.repositories.recordPublished("acme", published);
    const { text } = await get("/health", "service");
    expect(text).toMatch(/acme<\/th>.*Late/);
    expect(text).toContain("20 hours ago");
  });
});
