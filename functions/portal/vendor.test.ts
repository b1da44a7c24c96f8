import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startVisitors, type Visitors } from "../../test/support/portal-visitors.ts";

const clock = Date.UTC(2026, 10, 25, 12);
let portal: Visitors["portal"];
let account: Visitors["account"];
let get: Visitors["get"];
let post: Visitors["post"];
let signIn: Visitors["signIn"];
beforeAll(async () => {
  ({ portal, account, get, post, signIn } = await startVisitors(clock));
});
afterAll(() => portal?.stop());

describe("a vendor", () => {
  const patch = "/published/tlsd/stable/handshake@2";

  test("sees how far a patch has come, answers those who halted it, and stops it for everyone", async () => {
    await portal.stores.patchHolds.addHalt(account.patches.halted, account.customer);
    const { text } = await get(patch, "vendor");
    expect(text).toContain("1 customer&#39;s rollout halted since you answered last");
    expect(text).toMatch(/Applied<\/th><td[^>]*>2</);
    expect((await get("/published?hold=halted", "vendor")).text).toContain("tlsd accepts");
    expect((await post(patch, { held: "no", answer: "" }, "vendor")).status).toBe(400);
    expect((await post(patch, { held: "yes", answer: "We look into it" }, "vendor")).status).toBe(303);
    expect(await portal.stores.patchHolds.get(account.patches.halted)).toMatchObject({ byVendor: true });
    expect((await post(patch, { held: "no", answer: "One kernel's fault" }, "vendor")).status).toBe(303);
    expect(await portal.stores.patchHolds.get(account.patches.halted)).toMatchObject({
      byVendor: false,
      customers: [],
    });
    expect((await get(patch, "vendor")).text).toContain("Your last answer: One kernel&#39;s fault");
  });

  test("is another vendor to the rest", async () => {
    await signIn("rival", await portal.token({ kind: "vendor", tenant: "rival", role: "publisher" }));
    expect((await get("/published/tlsd/stable/handshake@2", "rival")).status).toBe(404);
    expect((await post(patch, { held: "yes", answer: "not mine" }, "rival")).status).toBe(404);
  });

  test("hands in what it signed, and hears why it is not taken", async () => {
    const hand = (update: string) => {
      const body = new FormData();
      body.set("update", new File([update], "update.json"));
      return post("/publish", body, "vendor");
    };
    const signed = (repository: string) => JSON.stringify({ repository, role: "echod.edge", text: "{}" });
    for (const [update, reason] of [
      ["{", "not JSON"],
      [signed("rival"), "update.json is for rival."],
      [signed("acme"), 'class="failing" role="alert">[^<]*metadata'],
    ] as const) {
      const answer = await hand(update);
      expect([answer.status, await answer.text()], update).toEqual([400, expect.stringMatching(reason)]);
    }
  });

  test("hears of files that are too many for a page what to do instead", async () => {
    const body = new FormData();
    body.set("update", new File(["{}"], "update.json"));
    body.set("bundles", new File([new Uint8Array(5_000_000)], "bundle"));
    const answer = await post("/publish", body, "vendor");
    expect([answer.status, await answer.text()]).toEqual([
      413,
      expect.stringContaining("publish them with the suture command"),
    ]);
  });

  test("says what is supported, a line an entry", async () => {
    const said = { kernels: "6.1.0-28-amd64; x86_64; 2028-06-30; Debian 12", builds: "", programs: "" };
    expect((await post("/products/kernel", said, "vendor")).status).toBe(303);
    expect(await portal.stores.support.get("acme", "kernel")).toEqual({
      kernels: [{ kernel: "6.1.0-28-amd64", arch: "x86_64", until: "2028-06-30", title: "Debian 12" }],
      builds: [],
      programs: [],
    });
    const wrong = await post("/products/kernel", { ...said, kernels: "6.1; x86_64; soon; Debian" }, "vendor");
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining("6.1; x86_64; soon; Debian")]);
  });
});
