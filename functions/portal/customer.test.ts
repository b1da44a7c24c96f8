import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HostFacts } from "../../protocol/wire/host.ts";
import { hostile } from "../../test/support/portal-account.ts";
import { startVisitors, type Visitors } from "../../test/support/portal-visitors.ts";

const clock = Date.UTC(2026, 10, 25, 12);
let portal: Visitors["portal"];
let account: Visitors["account"];
let cookies: Visitors["cookies"];
let get: Visitors["get"];
let post: Visitors["post"];
let signIn: Visitors["signIn"];
beforeAll(async () => {
  ({ portal, account, cookies, get, post, signIn } = await startVisitors(clock));
});
afterAll(() => portal?.stop());

describe("a rollout", () => {
  test("shows its waves, its gates with numbers, and what failed by cause", async () => {
    const { text } = await get(`/rollouts/${account.patches.halted}`);
    expect(text).toContain("2 of 4 (50%)");
    expect(text).toContain("fewer than ten machines: halts at any failure");
    expect(text).toContain("Unhealthy with it");
    expect(text).toMatch(/id="bar-failed"[^>]* width="2\.8%"/);
    expect(text).toContain("the gates · wave 1 · after 10 min");
  });

  test("is approved, halted with an undo, resumed and aborted by buttons, and the log names who pressed them", async () => {
    const path = `/rollouts/${account.patches.running}`;
    const states: string[] = [];
    for (const deed of ["approve", "halt-undo", "resume", "skip", "abort"]) {
      expect((await post(path, { do: deed, note: `because of ${deed}` })).status, deed).toBe(303);
      const found = await portal.stores.rollouts.get(account.customer, account.patches.running);
      states.push([found?.state, found?.undo && "undo", found?.wave].filter((each) => each !== false).join(" "));
    }
    expect(states).toEqual(["running 1", "halted undo 1", "running 1", "running 2", "aborted 2"]);
    expect((await get(path)).text).toContain("because of halt-undo");
    const [entry] = (await portal.stores.audit.list(`customer/${account.customer}`)).items;
    expect(entry?.who).toBe("customer northwind, owner (test)");
    const late = await post(path, { do: "resume" });
    expect(late.status).toBe(409);
    expect(await late.text()).toContain("it cannot be resumed");
  });
});

describe("policies and pins", () => {
  const waves: [string, string][] = [
    ["share", "10"],
    ["waveGroups", "canary"],
    ["bakeMinutes", "60"],
    ["share", "100"],
    ["waveGroups", ""],
    ["bakeMinutes", ""],
    ["share", ""],
    ["waveGroups", ""],
    ["bakeMinutes", ""],
  ];

  test("a form says what the API keeps, rows that are empty aside", async () => {
    const window: [string, string][] = [
      ["when", "windows"],
      ["days-0", "sat"],
      ["days-0", "sun"],
      ["from", "22:00"],
      ["to", "04:00"],
      ["timeZone", "Europe/Zurich"],
      ["from", ""],
      ["to", ""],
      ["timeZone", "UTC"],
    ];
    const form: [string, string][] = [
      ["name", "weekend"],
      ["apply", "ask"],
      ["failureLimit", "2,5"],
      ...waves,
      ...window,
    ];
    expect((await post("/policies", form)).status).toBe(303);
    expect(await portal.stores.policies.get(account.customer, "weekend")).toEqual({
      name: "weekend",
      order: 0,
      policy: {
        apply: "ask",
        failureLimit: 0.025,
        waves: [
          { share: 0.1, groups: ["canary"], bakeMinutes: 60 },
          { share: 1, bakeMinutes: 0 },
        ],
        windows: [{ timeZone: "Europe/Zurich", days: ["sat", "sun"], from: "22:00", to: "04:00" }],
      },
    });
    const page = (await get("/policies/weekend")).text;
    expect(page).toMatch(/name="days-0" value="sat" checked/);
    expect((await post("/policies/weekend/remove", {})).status).toBe(303);
    expect(await portal.stores.policies.get(account.customer, "weekend")).toBeUndefined();
  });

  test("a form leaves alone what a policy says that it does not ask", async () => {
    const policy = { apply: "ask", onRecall: "keep", agent: "never" } as const;
    await portal.stores.policies.put(account.customer, { name: "asked", order: 0, policy });
    const page = (await get("/policies/asked")).text;
    const hidden = [...page.matchAll(/<input type="hidden" name="(onRecall|agent)" value="([^"]*)"/g)];
    const form = hidden.map(([, name = "", value = ""]): [string, string] => [name, value]);
    expect((await post("/policies", [["name", "asked"], ["apply", "auto"], ...form])).status).toBe(303);
    expect(await portal.stores.policies.get(account.customer, "asked")).toMatchObject({
      policy: { ...policy, apply: "auto" },
    });
    await post("/policies/asked/remove", {});
  });

  test("a form that makes no sense comes back with what was filled in and the reason", async () => {
    const answer = await post("/policies", [
      ["name", "half"],
      ["hostname", hostile],
      ["share", "50"],
      ["bakeMinutes", "1"],
    ]);
    const text = await answer.text();
    expect(answer.status).toBe(400);
    expect(text).toContain("the last wave takes the share 1");
    expect(text).toMatch(/name="share"[^>]*value="50"/);
    expect(text).not.toContain("<script>alert");
  });

  test("a preview says who matches and what then holds there, and saves nothing", async () => {
    const form = { name: "nightly", hostname: "db-*", apply: "report", order: "20" };
    const text = await (await post("/policies/preview", form)).text();
    expect(text).toContain("10 of 24 machines looked at");
    expect(text).toContain("only reports · Sat Sun 22:00 to 04:00 (Europe/Zurich)");
    expect(await portal.stores.policies.get(account.customer, "nightly")).toBeUndefined();
  });

  test("a pin is made with its day in UTC, shows what it leaves open, and ends", async () => {
    const pin = { name: "no-tlsd", patch: "acme/tlsd/handshake", until: "2026-12-24T18:00", reason: hostile };
    expect((await post("/pins", pin)).status).toBe(303);
    const [kept] = [await portal.stores.pins.get(account.customer, "no-tlsd")];
    expect(kept).toMatchObject({ newest: null, until: "2026-12-24T18:00:00Z" });
    const { text } = await get("/pins");
    expect(text).toContain("CVE-2026-99999");
    expect(text).toContain("in 29 days");
    expect(text).not.toContain("<script>alert");
    expect((await post("/pins/no-tlsd/end", {})).status).toBe(303);
    expect(await portal.stores.pins.get(account.customer, "no-tlsd")).toBeUndefined();
  });
});

describe("tokens and people", () => {
  test("a token is shown once with its command, and listed without it", async () => {
    const answer = await post("/tokens/new", { group: "web", tags: "eu prod", uses: "3", hours: "2" });
    const text = await answer.text();
    const [, token = ""] =
      text.match(/printf %s &#39;(suture-enrol\.[^&]+)&#39; \| suture-agent enroll --server/) ?? [];
    expect(token).toMatch(/^suture-enrol\./);
    const { text: list } = await get("/tokens");
    expect(list).not.toContain(token);
    expect(list).toContain("eu, prod");
    const wrong = await post("/tokens/new", { group: "Not A Name", uses: "3", hours: "2" });
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('value="Not A Name"')]);
  });

  test("an API token signs in until it is revoked", async () => {
    const text = await (await post("/tokens/api/new", { label: "wallboard", role: "viewer", days: "1" })).text();
    const [token = ""] = text.match(/suture-api\.[A-Za-z0-9_-]{43}/) ?? [];
    await signIn("wallboard", token);
    expect((await get("/rollouts", "wallboard")).status).toBe(200);
    const tokens = (await portal.stores.apiTokens.listByTenant({ kind: "customer", tenant: account.customer })).items;
    const hash = tokens.find(({ label }) => label === "wallboard")?.hash;
    expect((await post(`/tokens/api/${hash}/revoke`, {})).status).toBe(303);
    expect((await get("/rollouts", "wallboard")).status).toBe(303);
  });

  test("a person is invited, comes in once, and is let go", async () => {
    const answer = await post("/people/invite", { user: "dee@northwind.example", role: "viewer", days: "7" });
    const [invitation = ""] = (await answer.text()).match(/suture-invite\.[A-Za-z0-9_-]{43}/) ?? [];
    const joined = await post("/join", { invitation }, "nobody");
    expect([joined.status, joined.headers.get("location")]).toEqual([303, "/"]);
    cookies.dee = joined.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect((await get("/people", "dee")).text).toMatch(/dee@northwind\.example<\/bdi> <span class="advice">\(you\)/);
    expect((await post("/join", { invitation }, "nobody")).status).toBe(401);
    expect((await post("/people/remove", { user: "dee@northwind.example" })).status).toBe(303);
    expect((await get("/people", "dee")).status).toBe(303);
  });

  test("groups of an identity provider are given roles by a form", async () => {
    const key = { kty: "OKP", crv: "Ed25519", kid: "2026", x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" };
    const provider: [string, string][] = [
      ["issuer", "https://id.example.com"],
      ["audience", "suture"],
      ["groupsClaim", "groups"],
      ["group", "sre"],
      ["role", "owner"],
      ["group", ""],
      ["role", ""],
    ];
    const broken = await post("/people/provider", [...provider, ["jwks", "{"]]);
    expect([broken.status, await broken.text()]).toEqual([400, expect.stringContaining("this is not JSON")]);
    expect((await post("/people/provider", [...provider, ["jwks", JSON.stringify({ keys: [key] })]])).status).toBe(303);
    expect((await get("/people")).text).toContain("https://id.example.com");
  });
});

describe("the log", () => {
  test("is filtered by who, what and day, and goes to a file", async () => {
    await post("/pins", { name: "logged", patch: "acme/echod/x", until: "2026-12-24T18:00", reason: "for the log" });
    const { text } = await get("/audit?what=pins%2Flogged");
    expect(text).toContain("PUT /v1/customers/northwind/pins/logged");
    expect(text).not.toContain("/invitations");
    expect((await get("/audit?from=2027-01-01")).text).toContain("No entry matches.");
    const lines = (await get("/audit.ndjson?what=pins%2Flogged")).text.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line).what)).toEqual(["PUT /v1/customers/northwind/pins/logged"]);
  });
});

describe("a machine", () => {
  test("that refuses what it is sent is named where its owner and the operator look first", async () => {
    const since = clock / 1000 - 3600;
    const refusals: HostFacts["refusals"] = [
      { of: "metadata", name: "acme", code: "rollback-detected", detail: hostile, since, last: since + 60 },
      { of: "plan", name: "", code: "wrong-machine", detail: "It is another's", since, last: since, over: since + 60 },
    ];
    const refusing = await portal.machine(account.customer, { hostname: "besieged", refusals });
    expect((await get("/")).text).toMatch(/state=refusing.*1 machine/s);
    expect((await get("/machines?state=refusing")).text).toContain("besieged");
    const { text } = await get(`/machines/${refusing.id}`);
    expect(text).toMatch(/acme&#39;s metadata.*rollback-detected.*Goes on.*a plan.*wrong-machine/s);
    expect(text).not.toContain(hostile);
    expect((await get("/tenants", "service")).text).toMatch(/northwind.*Refusing.*<\/svg>1</s);
  });

  test("leaves the lists when it is retired by a button, and its page says so", async () => {
    const leaving = await portal.machine(account.customer, { hostname: "leaving", group: "canary" });
    const page = `/machines/${leaving.id}`;
    expect((await get(page, "viewer")).text).not.toContain("Retire this machine");
    expect((await post(`${page}/retire`, {}, "viewer")).status).toBe(403);
    expect((await post(`${page}/retire`, {}, "stranger")).status).toBe(404);
    expect((await get(page, "operator")).text).toContain(`/pins/new?machine=${leaving.id}`);
    expect((await post(`${page}/retire`, {}, "operator")).status).toBe(303);
    expect((await get(page)).text).toContain("It must be enrolled anew where it is to come back.");
    await leaving.index();
    expect((await get("/machines?q=leaving")).text).not.toContain(leaving.id);
  });

  test("is found by a saved view, which a viewer may keep but not share", async () => {
    const query = "group=db&state=moving";
    expect((await post("/machines/views", { name: "Mine", query }, "viewer")).status).toBe(303);
    expect((await get("/machines", "viewer")).text).toContain("Mine (yours)");
    expect((await post("/machines/views", { name: "Ours", query, scope: "shared" }, "viewer")).status).toBe(403);
    expect((await post("/machines/views", { name: "Ours", query, scope: "shared" })).status).toBe(303);
    expect((await get("/machines", "viewer")).text).toContain(">Ours</a>");
    expect((await post("/machines/views", { name: hostile, query })).status).toBe(400);
    expect((await post("/machines/views", { forget: "Ours", query, scope: "shared" })).status).toBe(303);
    expect((await get("/machines")).text).not.toContain("Ours");
  });
});
