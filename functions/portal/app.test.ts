import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { build, startPortal, type TestPortal } from "../../test/support/portal.ts";
import { sweepSilence } from "../jobs/fleet-silence.ts";

const origin = "http://portal.test";
const fix = "acme/echod/stable/bounds-check@1";
const stream = "acme/echod/stable";
const hostile = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;

let clock = Date.UTC(2026, 0, 1);
let portal: TestPortal;
beforeAll(async () => {
  portal = await startPortal({ now: () => new Date(clock) });
  await portal.patch(fix);
});
afterAll(() => portal?.stop());

function post(path: string, form: Record<string, string>, headers: Record<string, string> = { origin }) {
  return portal.app.request(origin + path, { method: "POST", body: new URLSearchParams(form), headers });
}
async function signIn(token: string): Promise<string> {
  const answer = await post("/sign-in", { token });
  expect(answer.status).toBe(303);
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}
function get(path: string, cookie: string, headers: Record<string, string> = {}) {
  return portal.app.request(origin + path, { headers: { cookie, accept: "text/html", ...headers } });
}
const poll = (path: string, cookie: string, etag = "") =>
  get(path, cookie, { "hx-request": "true", "if-none-match": etag });

describe("signing in", () => {
  test("a page asks for the sign-in first, and leads back to where one was going", async () => {
    const refused = await get("/machines/m-1?x=1", "");
    expect(refused.status).toBe(303);
    expect(refused.headers.get("location")).toBe("/sign-in?next=%2Fmachines%2Fm-1%3Fx%3D1");
    const token = await portal.customer("returning", []);
    const answer = await post("/sign-in", { token, next: "/patches" });
    expect(answer.headers.get("location")).toBe("/patches");
    expect(answer.headers.get("set-cookie")).toMatch(/HttpOnly.*SameSite=Lax/);
  });

  test("no sign-in leads to another host", async () => {
    const token = await portal.customer("lured", []);
    for (const next of ["https://evil.test/", "//evil.test", "/\\evil.test", "/.//evil.test", "javascript:alert(1)"]) {
      const location = (await post("/sign-in", { token, next })).headers.get("location") ?? "";
      expect(new URL(location, origin).origin, next).toBe(origin);
    }
  });

  test("a wrong token and a form from another site are refused, and a vendor has no customer's pages", async () => {
    expect((await post("/sign-in", { token: "suture-api.wrong" })).status).toBe(401);
    const vendor = await portal.token({ kind: "vendor", tenant: "acme", role: "publisher" });
    expect((await get("/machines", await signIn(vendor))).status).toBe(404);
    const token = await portal.customer("crossed", []);
    const crossed = await post("/sign-in", { token }, { origin: "https://evil.test" });
    expect(crossed.status).toBe(403);
    expect(crossed.headers.get("set-cookie")).toBeNull();
  });

  test("a revoked token ends its sessions, a forged or expired session is none", async () => {
    const token = await portal.customer("leaving", []);
    const cookie = await signIn(token);
    expect((await get("/machines", cookie)).status).toBe(200);
    expect((await get("/machines", `${cookie.slice(0, -4)}AAAA`)).status).toBe(303);
    clock += 13 * 3600 * 1000;
    expect((await get("/machines", cookie)).status).toBe(303);
    clock -= 13 * 3600 * 1000;
    const [found] = (await portal.stores.apiTokens.listByTenant({ kind: "customer", tenant: "leaving" })).items;
    await portal.stores.apiTokens.revoke(found?.hash ?? "", clock);
    expect((await get("/machines", cookie)).status).toBe(303);
    const live = await poll("/machines", cookie);
    expect([live.status, live.headers.get("hx-refresh")]).toEqual([401, "true"]);
  });
});

describe("what a customer sees", () => {
  test("an account without machines is taught the first step", async () => {
    const cookie = await signIn(await portal.customer("newcomer", []));
    expect(await (await get("/machines", cookie)).text()).toContain(`suture-agent enroll --server ${origin}`);
  });

  test("a patch on its way is told in words, and an unchanged page answers 304", async () => {
    const token = await portal.customer("watcher", [stream]);
    const machine = await portal.machine("watcher", { hostname: "db-7" });
    const cookie = await signIn(token);
    const path = `/machines/${machine.id}`;
    const before = await poll(path, cookie);
    expect(await before.text()).toContain("About to apply");
    const etag = before.headers.get("etag") ?? "";
    expect((await poll(path, cookie, etag)).status).toBe(304);

    const evidence = { pauseMicros: 132, processes: [{ pid: 42, threads: 8 }] };
    await machine.report(fix, "applied", { evidence });
    const after = await poll(path, cookie, etag);
    const text = await after.text();
    expect(text).toContain("paused 132 µs");
    expect(text).toContain("Every fix that concerns it is in.");
    expect(text).not.toContain("<html");
    const full = await (await get(path, cookie)).text();
    expect(full).toContain(text);
    expect(await (await get(`/patches/${fix}`, cookie)).text()).toContain("db-7");
  });

  test("a patch that waits for tasks shows since when and for whom, until it came to something or nothing more is heard", async () => {
    const token = await portal.customer("waiting", [stream]);
    const machine = await portal.machine("waiting");
    const cookie = await signIn(token);
    const page = async () => await (await get(`/machines/${machine.id}`, cookie)).text();
    const since = clock / 1000;
    const waiting = { patch: fix, action: "apply" as const, since, tasks: [{ task: "postgres", pid: 77 }], at: clock };
    await portal.stores.machines.noteWaiting(machine.id, waiting);
    expect(await page()).toMatch(/Applying: waits for 1 task in the old code, since \d{4}-[^<]*postgres \(77\)/);
    clock += 120_000;
    expect(await page()).not.toContain("Applying: waits");
    await portal.stores.machines.noteWaiting(machine.id, { ...waiting, at: clock });
    await machine.report(fix, "applied");
    expect(await page()).not.toContain("Applying: waits");
  });

  test("a stalled patch shows who stood in its way, and a due reboot since when", async () => {
    const token = await portal.customer("kernels", [stream]);
    const since = Date.UTC(2025, 11, 24) / 1000;
    const loaded = [{ module: "kpatch_other", enabled: true, transition: false, patch: null, objects: [] }];
    const machine = await portal.machine("kernels", {
      waitingKernel: { release: "6.12.50+deb13-amd64", since },
      livepatch: { signatures: "optional", loaded },
      clients: [
        {
          engine: "canonical",
          version: "10.8.3",
          level: "104.1",
          state: "applied",
          detail: "covered until 2027-01-31",
        },
      ],
    });
    const blockers = [{ task: "postgres", pid: 77, ageSeconds: 60, stack: "do_wait < kernel_wait4" }];
    await machine.report(fix, "stalled", { evidence: { blockers }, detail: "1 tasks did not leave the old code" });
    const page = await (await get(`/machines/${machine.id}`, await signIn(token))).text();
    for (const shown of [
      "Stalled",
      "postgres",
      "do_wait &lt; kernel_wait4",
      "6.12.50+deb13-amd64",
      "2025-12-24",
      "kpatch_other",
      "104.1",
      "covered until 2027-01-31",
    ])
      expect(page, shown).toContain(shown);
    expect(page).toContain("loaded by somebody else");
  });

  test("a machine that nothing fits says why not, and a silent one says that it is silent", async () => {
    const token = await portal.customer("keeper", [stream]);
    const other = await portal.machine("keeper", { hostname: "other", builds: [] });
    const cookie = await signIn(token);
    expect(await (await get(`/machines/${other.id}`, cookie)).text()).toContain(`no process runs build ${build}`);
    const tooLong = 31 * 3600 * 1000;
    clock += tooLong;
    await sweepSilence(portal.fleetJob());
    const late = await signIn(await portal.token({ kind: "customer", tenant: "keeper", role: "viewer" }));
    expect(await (await get("/machines?state=silent", late)).text()).toContain(other.id);
    clock -= tooLong;
  });

  test("the overview counts what is open and whom it waits for, and each number leads to its list", async () => {
    const token = await portal.customer("boss", [stream]);
    const [done, failed] = await Promise.all(
      ["done", "failed", "waiting"].map((hostname) => portal.machine("boss", { hostname })),
    );
    clock += 2 * 3600 * 1000;
    await done?.report(fix, "applied");
    await failed?.report(fix, "failed");
    const cookie = await signIn(token);
    const overview = await (await get("/", cookie)).text();
    expect(overview).toContain(
      '<strong>2</strong> <a href="/machines">of 3 machines lack a patch that is for them</a>',
    );
    expect(overview).toContain('href="/machines?state=failing"');
    expect(overview).toContain("half in 2 h, 95 % in 2 h");
    const names = ["done", "failed", "waiting"];
    for (const [path, expected] of [
      ["/machines?state=failing", ["failed"]],
      ["/machines?exposed=high", ["failed", "waiting"]],
      ["/machines?q=WAIT", ["waiting"]],
      [`/machines?q=${done?.id}`, ["done"]],
      [`/patches/${fix}?status=applied`, ["done"]],
    ] as const) {
      const text = await (await get(path, cookie)).text();
      expect(
        names.filter((name) => text.includes(`<bdi>${name}</bdi>`)),
        path,
      ).toEqual(expected);
    }
    const csv = await (await get("/machines.csv?exposed=high", cookie)).text();
    expect(csv.split("\r\n")).toHaveLength(4);
    clock -= 2 * 3600 * 1000;
  });

  test("the report of a period has what each machine signed in it, and says of a forged receipt that it is one", async () => {
    const token = await portal.customer("audited", [stream]);
    const machine = await portal.machine("audited", { hostname: "ledger-1" });
    await machine.report(fix, "applied");
    const forged = { machine: machine.id, sequence: 9, receipt: "{}", receivedAt: clock };
    await portal.stores.receipts.put(forged);
    const cookie = await signIn(token);
    const day = new Date(clock).toISOString().slice(0, 10);
    const report = await (await get(`/report?from=${day}&to=${day}`, cookie)).text();
    for (const shown of ["ledger-1", "Verifies", "Does not verify", "Fix bounds-check", `${day} to ${day}`])
      expect(report, shown).toContain(shown);
    const csv = await (await get(`/report.csv?from=${day}&to=${day}`, cookie)).text();
    expect(
      csv
        .trim()
        .split("\r\n")
        .map((row) => row.split(",")[7]),
    ).toEqual(["Signature", "Does not verify", "Verifies"]);
    const before = await (await get("/report?from=2025-01-01&to=2025-01-02", cookie)).text();
    expect(before).toContain("No patch of your channels was published in this period.");
    expect(before).not.toContain("Verifies");
  });

  test("what is another customer's is like what does not exist", async () => {
    await portal.customer("owner", ["acme/secret/stable"]);
    const theirs = await portal.machine("owner", { hostname: "theirs" });
    await portal.patch("acme/secret/stable/concealed@1");
    await theirs.report("acme/secret/stable/concealed@1", "applied");
    const cookie = await signIn(await portal.customer("stranger", [stream]));
    await portal.machine("stranger", { hostname: "mine" });
    const strip = (text: string) => text.replaceAll(/m-[0-9a-f]{32}/g, "");
    const [foreign, absent] = [theirs.id, `m-${"0".repeat(32)}`].map((id) => get(`/machines/${id}`, cookie));
    expect((await foreign)?.status).toBe(404);
    expect(strip((await (await foreign)?.text()) ?? "")).toBe(strip((await (await absent)?.text()) ?? ""));
    expect((await get("/patches/acme/secret/stable/concealed@1", cookie)).status).toBe(404);
    expect(await (await get("/machines", cookie)).text()).toContain("mine");
    for (const path of ["/machines", "/machines?q=theirs", "/patches", `/patches/${fix}`]) {
      expect(await (await get(path, cookie)).text()).not.toMatch(/theirs<|concealed/);
    }
  });

  test("hostile text of a machine or a vendor stays text on every page", async () => {
    const id = "acme/xss/stable/hostile@1";
    const token = await portal.customer("victim", ["acme/xss/stable"]);
    await portal.patch(id, { title: hostile });
    const machine = await portal.machine("victim", {
      hostname: hostile,
      os: hostile,
      kernel: hostile,
      agent: hostile,
      engines: [
        { name: "elf", supported: true, reason: "" },
        { name: "klp", supported: false, reason: hostile },
      ],
    });
    await machine.report(id, "failed", {
      detail: hostile,
      evidence: { [hostile]: hostile, rows: [{ [hostile]: hostile }] },
    });
    await portal.stores.patches.markWithdrawn(id, { at: clock, reason: hostile });
    const cookie = await signIn(token);
    const paths = [
      "/machines",
      `/machines?q=${encodeURIComponent(hostile)}`,
      `/machines/${machine.id}`,
      "/patches",
      `/patches/${id}`,
    ];
    for (const path of [...paths, `/nowhere/${hostile}`, `/sign-in?next=${encodeURIComponent(`/${hostile}`)}`]) {
      const text = await (await get(path, cookie)).text();
      expect(text, path).not.toMatch(/<script>alert|<img src=x/);
      expect(text, path).not.toMatch(/="[^"]*"'>/);
    }
  });

  test("a page allows nothing inline and no other host, and an error is a page for people, a problem for programs", async () => {
    const page = await get("/sign-in", "");
    const policy = page.headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/default-src 'none'; script-src 'self'; style-src 'self'/);
    expect(policy).not.toContain("unsafe");
    expect(await page.text()).not.toMatch(/<script(?![^>]*\ssrc="\/)|\sstyle=|\son\w+=/);
    const missing = await get("/nowhere", "");
    expect([missing.status, await missing.text()]).toEqual([
      404,
      expect.stringContaining("There is nothing at /nowhere"),
    ]);
    const problem = await portal.app.request(`${origin}/v1/nowhere`);
    expect(await problem.json()).toMatchObject({ code: "not-found" });
  });
});
