import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPortal, type TestPortal } from "../../test/support/portal.ts";
import { fillAccount, hostile } from "../../test/support/portal-account.ts";
import { newRollout } from "../domain/rollout.ts";

const origin = "http://portal.test";
const clock = Date.UTC(2026, 10, 25, 12);

let portal: TestPortal;
let account: Awaited<ReturnType<typeof fillAccount>>;
const cookies: Record<string, string> = {};
const user = "ann@northwind.example";

beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock) });
  account = await fillAccount(portal, clock);
  for (const role of ["owner", "operator", "viewer"] as const) {
    cookies[role] = await signIn(await portal.token(account.as(role)));
  }
  await portal.customer("stranger", []);
  cookies.stranger = await signIn(await portal.token({ kind: "customer", tenant: "stranger", role: "owner" }));
  cookies.service = await signIn(await portal.token({ kind: "operator", tenant: "service", role: "operator" }));
  cookies.vendor = await signIn(await portal.token({ kind: "vendor", tenant: "acme", role: "publisher" }));
});
afterAll(() => portal?.stop());

function post(path: string, form: Record<string, string> | [string, string][], who = "owner") {
  const headers = { origin, accept: "text/html", cookie: cookies[who] ?? "" };
  return portal.app.request(origin + path, { method: "POST", body: new URLSearchParams(form), headers });
}
async function signIn(token: string): Promise<string> {
  const answer = await portal.app.request(`${origin}/sign-in`, {
    method: "POST",
    body: new URLSearchParams({ token }),
    headers: { origin },
  });
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}
async function get(path: string, who = "owner") {
  const headers = { cookie: cookies[who] ?? "", accept: "text/html" };
  const answer = await portal.app.request(origin + path, { headers });
  return { status: answer.status, text: await answer.text(), type: answer.headers.get("content-type") ?? "" };
}

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
    expect((await post("/people/invite", { user, role: "owner" }, "operator")).status).toBe(403);
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
  await post("/published/echod/stable/hostile@1", { held: "yes", answer: hostile }, "vendor");
  await post(
    "/products/echod",
    { builds: "", kernels: `6.1; x86_64; 2028-01-01; ${hostile}`, programs: hostile },
    "vendor",
  );
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
    cookies.wallboard = await signIn(token);
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
    cookies.rival = await signIn(await portal.token({ kind: "vendor", tenant: "rival", role: "publisher" }));
    expect((await get("/published/tlsd/stable/handshake@2", "rival")).status).toBe(404);
    expect((await post(patch, { held: "yes", answer: "not mine" }, "rival")).status).toBe(404);
  });

  test("hands in what it signed, and hears why it is not taken", async () => {
    const hand = (update: string) => {
      const body = new FormData();
      body.set("update", new File([update], "update.json"));
      const headers = { origin, accept: "text/html", cookie: cookies.vendor ?? "" };
      return portal.app.request(`${origin}/publish`, { method: "POST", body, headers });
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
