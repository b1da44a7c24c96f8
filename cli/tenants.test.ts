import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, describe, expect, it } from "vitest";
import { newRollout } from "../functions/domain/rollout.ts";
import { collect } from "../functions/stores/page.ts";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, home, suture, run, newVendor, newName, patchFolder } = cli;
afterAll(() => cli.stop());

const day = 86_400_000;

async function fileOf(content: string): Promise<string> {
  const path = join(home, newName("file"));
  await writeFile(path, content);
  return path;
}

/** The command's answer; it succeeded. */
async function done(args: string[], env?: Record<string, string>) {
  const { code, answer } = await suture(args, env);
  expect(answer.error, args.join(" ")).toBeUndefined();
  expect(code).toBe(0);
  return answer;
}

/** A machine of the customer's, enrolled. */
async function newMachine(customer: string, hostname: string): Promise<string> {
  const machine = `m-${createHash("sha256").update(`${customer}${hostname}`).digest("hex").slice(0, 32)}`;
  const facts = {
    hostname,
    os: "Debian",
    arch: "x86_64",
    kernel: "6.1",
    bootId: "b",
    agent: "0",
    builds: [],
    engines: [],
  };
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  await service.stores.machines.enrol({
    machine,
    customer,
    group: "default",
    publicKey,
    enrolledAt: Date.now(),
    facts,
  });
  return machine;
}

describe("promotion", () => {
  it("wants ten machines on which this very patch was well for a day, or a reason that is logged", async () => {
    const { vendor, publish } = await newVendor();
    const { folder } = await patchFolder();
    expect(await publish(folder, "--channel", "stable")).toMatchObject({
      code: 4,
      answer: { error: { code: "no-evidence", healthy: 0 } },
    });
    await publish(folder);
    const promote = (...rest: string[]) =>
      suture(["promote", "echod/edge/bounds-check@1", "--vendor", vendor, ...rest], {});
    const well = (channel: string, machine: string, days: number) =>
      service.stores.states.record({
        machine: `${vendor}-${machine}`,
        patchId: `${vendor}/echod/${channel}/bounds-check@1`,
        customer: "globex",
        state: "applied",
        action: "apply",
        detail: "",
        at: Date.now() - days * day,
        receipt: 1,
      });
    for (let number = 0; number < 9; number++) await well("edge", String(number), 2);
    await well("edge", "too-new", 0.5);
    expect(await promote()).toMatchObject({ code: 4, answer: { error: { code: "no-evidence", healthy: 9 } } });
    expect(await promote("--to", "beta")).toMatchObject({ code: 0, answer: { published: true } });
    await well("beta", "of-beta", 2);
    expect(await promote()).toMatchObject({ code: 0, answer: { patch: `${vendor}/echod/stable/bounds-check@1` } });
    expect(await promote()).toMatchObject({ code: 0, answer: { published: false } });

    const other = await patchFolder({ version: 2 });
    const override = ["--override", "It is exploited right now"];
    expect(await publish(other.folder, "--channel", "stable", ...override)).toMatchObject({ code: 0 });
    const { entries } = await done(["audit", "--vendor", vendor]);
    expect(entries[0]).toMatchObject({ after: { role: "echod.stable", override: "It is exploited right now" } });
  });
});

it("a vendor grants and revokes by itself, and the standing is shown to both", async () => {
  const { vendor } = await newVendor();
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const stream = `${vendor}/echod/edge`;
  const granted = await done(["customer", "subscribe", customer, stream, "--seats", "3", "--plan", "gold"], {});
  expect(granted).toMatchObject({ seats: 3, plan: "gold", graceDays: 14, standing: "active", seatsTaken: 0 });
  expect(await done(["customer", "unsubscribe", customer, stream], {})).toMatchObject({ standing: "revoked" });
  const theirs = await done(["subscriptions", "--customer", customer]);
  expect(theirs.subscriptions).toMatchObject([{ vendor, standing: "revoked" }]);
  expect((await done(["subscriptions", "--vendor", vendor], {})).subscriptions).toEqual(theirs.subscriptions);
});

it("a bulk action says what it would do, does it, and has then nothing to do", async () => {
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const web = await Promise.all(["web-1", "web-2"].map((host) => newMachine(customer, host)));
  await newMachine(customer, "db-1");
  const bulk = (...rest: string[]) =>
    done(["bulk", "--customer", customer, "--hostname", "web-", "--to-group", "web", "--add-tag", "eu", "a", ...rest]);
  const groups = async () =>
    (await done(["machines", "--customer", customer])).machines.map((each: { group: string }) => each.group).sort();
  const wanted = web.map((machine) => expect.objectContaining({ machine, group: "web", tags: ["eu", "a"] }));
  expect((await bulk("--dry-run")).machines).toEqual(expect.arrayContaining(wanted));
  expect(await groups()).toEqual(["default", "default", "default"]);
  expect((await bulk()).machines).toHaveLength(2);
  expect(await groups()).toEqual(["default", "web", "web"]);
  expect((await bulk()).machines).toEqual([]);
  const empty = await suture(["bulk", "--customer", customer, "--to-group", "web"]);
  expect(empty).toMatchObject({ code: 2, answer: { error: { code: "invalid-request" } } });
});

/** Policies, pins, rollouts and holds: the customer's own sign-in decides, the operator's does not. */
async function controlMachines(customer: string, patch: string) {
  const whose = ["--customer", customer];
  const made = await done(["token", "create", "--api", "--role", "owner", "--label", "ann", ...whose]);
  const own = { SUTURE_TOKEN: made.token };
  const waves = [
    { share: 0.5, bakeMinutes: 5 },
    { share: 1, bakeMinutes: 5 },
  ];
  const file = await fileOf(JSON.stringify({ policy: { apply: "ask", waves, onHalt: "undo" } }));
  await done(["policy", "set", "everyone", file, ...whose], own);
  expect((await suture(["policy", "set", "everyone", file, ...whose])).code).toBe(3);
  expect((await done(["policy", "list", ...whose])).policies).toMatchObject([{ name: "everyone" }]);
  const pinned = patch.replace("/edge/", "/").replace("@1", "");
  const until = ["--until", "2099-01-01", "--reason", "a freeze"];
  expect(await done(["pin", "set", "freeze", pinned, ...until, ...whose], own)).toMatchObject({ newest: null });
  expect((await done(["pin", "list", ...whose])).pins).toHaveLength(1);
  await done(["pin", "show", "freeze", ...whose]);
  await done(["pin", "remove", "freeze", ...whose], own);
  const view = ["view", "save", "Exposed databases", "--exposed", "critical", "--group", "db"];
  expect(await done([...view, ...whose], own)).toMatchObject({ scope: "own", by: "name" });
  expect((await done(["view", "list", "--shared", ...whose], own)).views).toEqual([]);
  expect((await done(["view", "list", ...whose], own)).views).toMatchObject([{ name: "Exposed databases" }]);
  await done(["view", "show", "Exposed databases", ...whose], own);
  await done(["view", "forget", "Exposed databases", ...whose], own);
  expect(await done([...view, "--shared", ...whose], own)).toMatchObject({ scope: "shared" });
  await done(["view", "show", "Exposed databases", "--shared", ...whose], own);
  await done(["view", "forget", "Exposed databases", "--shared", ...whose], own);

  const { machines, rollouts } = service.stores;
  const host = { hostname: "h", os: "linux", arch: "x86_64", kernel: "6", bootId: "b", agent: "1" };
  const builds = [{ buildId: "ab".repeat(20), path: "/bin/echod", processes: 1 }];
  const facts = { ...host, builds, engines: [{ name: "elf" as const, supported: true, reason: "" }] };
  const machine = `m-${"cd".repeat(16)}`;
  const publicKey = { kty: "OKP", crv: "Ed25519", x: "A".repeat(43) } as const;
  await machines.enrol({ machine, customer, group: "default", publicKey, enrolledAt: Date.now(), facts });
  await rollouts.create(newRollout({ customer, patch, size: 1 }, { waves, failureLimit: 0.1, onHalt: "undo" }, 1));
  const verdict = async () => (await done(["explain", machine, patch, ...whose])).verdict;
  const decide = (verb: string, ...rest: string[]) => done(["rollout", verb, patch, ...rest, ...whose], own);
  expect(await verdict()).toBe("awaiting-approval");
  await decide("approve");
  await decide("skip");
  expect(await verdict()).toBe("apply");
  expect(await decide("halt", "--note", "a bad feeling")).toMatchObject({ state: "halted", undoing: true });
  expect(await verdict()).toBe("rollout-halted");
  expect(await suture(["rollout", "skip", patch, ...whose], own)).toMatchObject({ code: 4 });
  await decide("resume");
  const { history } = await done(["rollout", "show", patch, ...whose]);
  expect(history.map(({ what, by }: { what: string; by: string }) => `${what} by ${by}`)).toEqual([
    "started by gates",
    "approved by ann",
    "skipped by ann",
    "halted by ann",
    "resumed by ann",
  ]);
  const path = patch.slice(patch.indexOf("/") + 1);
  const vendor = ["--vendor", patch.split("/")[0] ?? ""];
  await done(["hold", "set", path, "--answer", "we look at it", ...vendor]);
  expect(await verdict()).toBe("held-for-everyone");
  expect(await done(["hold", "release", path, "--answer", "it was nothing", ...vendor])).toMatchObject({ halts: 0 });
  expect(await done(["hold", "show", path, ...vendor])).toMatchObject({ held: false });
  expect((await done(["rollout", "list", ...whose])).rollouts).toHaveLength(1);
  await done(["policy", "show", "everyone", ...whose]);
  await done(["policy", "remove", "everyone", ...whose], own);
}

it("an operator recalls a patch and stops its vendor, and the vendor and the customer see how far that is", async () => {
  const { vendor, keys, publish } = await newVendor();
  await publish((await patchFolder()).folder);
  const customer = newName("globex");
  await done(["customer", "create", customer]);
  const machine = await newMachine(customer, "web-1");
  const patch = `${vendor}/echod/edge/bounds-check@1`;
  const state = { machine, customer, patchId: patch, state: "applied", action: "apply", detail: "", at: 1 } as const;
  await service.stores.states.record({ ...state, receipt: 1 });
  expect(await done(["recalls", patch])).toMatchObject({ recalled: false });
  expect(await done(["recall", patch, "--reason", "it corrupts"])).toMatchObject({
    public: true,
    undone: 0,
    pending: 1,
  });
  const asVendor = ["recalls", patch, "--keys", keys];
  expect(await done(asVendor, {})).toMatchObject({ by: "operator", reason: "it corrupts" });
  const words = await run(["recalls", "--customer", customer], { SUTURE_TOKEN: service.operator });
  expect(words.out).toMatch(/web-1 +undo-pending +-/);
  expect((await run(["recall", patch], { SUTURE_TOKEN: service.operator })).code).toBe(2);

  expect(await done(["vendor", "stop", vendor, "--reason", "stolen"])).toMatchObject({ stopped: true, public: true });
  expect(await done(["vendor", "resume", vendor, "--reason", "new keys"])).toMatchObject({ stopped: false });
  const own = ["--token-file", join(keys, "publisher.token")];
  expect(await suture(["vendor", "stop", vendor, "--reason", "x", ...own], {})).toMatchObject({ code: 3 });
});

it("every route of the API has a command that uses it, and every change stands in a log", async () => {
  const { vendor, publish } = await newVendor();
  const customer = newName("globex");
  const stream = `${vendor}/echod/edge`;
  const { folder } = await patchFolder();
  await publish(folder);
  await done(["customer", "create", customer]);
  await done(["customer", "subscribe", customer, stream]);
  const keys = await generateKeyPair("ES256", { extractable: true });
  const issuer = "https://id.example.com";
  const jwks = { keys: [{ ...(await exportJWK(keys.publicKey)), alg: "ES256" }] };
  const provider = (role: string) => ({
    issuer,
    audience: "suture",
    jwks,
    groupsClaim: "groups",
    roles: { all: role },
  });
  const idToken = await new SignJWT({ iss: issuer, aud: "suture", email: "ann@example.com", groups: ["all"] })
    .setProtectedHeader({ alg: "ES256" })
    .setExpirationTime("5m")
    .sign(keys.privateKey);
  const matrix = await fileOf(JSON.stringify({ kernels: [], builds: [], programs: [] }));
  for (const [whose, role] of [
    [["--customer", customer], "viewer"],
    [["--vendor", vendor], "viewer"],
  ] as const) {
    const { invitation } = await done(["member", "invite", "ann@example.com", "--role", role, ...whose]);
    await done(["member", "accept", "--invitation-file", await fileOf(invitation)], {});
    expect((await done(["member", "list", ...whose])).members).toMatchObject([{ user: "ann@example.com", role }]);
    await done(["member", "show", "ann@example.com", ...whose]);
    await done(["member", "remove", "ann@example.com", ...whose]);
    await done(["identity", "set", await fileOf(JSON.stringify(provider(role))), ...whose]);
    await done(["identity", "show", ...whose]);
    const person = await done(["identity", "sign-in", "--id-token-file", await fileOf(idToken), ...whose], {});
    expect(await done(["whoami"], { SUTURE_TOKEN: person.token })).toMatchObject({ user: "ann@example.com" });
    const scoped = ["--role", "viewer", "--scope", "machines:read", "--label", "wallboard"];
    await done(["token", "create", "--api", ...scoped, ...whose]);
    const { tokens } = await done(["token", "list", ...whose]);
    const { id } = tokens.find(({ label }: { label: string }) => label === "wallboard");
    await done(["token", "show", id, ...whose]);
    await done(["token", "revoke", id, ...whose]);
    await done(["subscriptions", ...whose]);
    await done(["usage", ...whose]);
    expect((await done(["audit", ...whose])).entries.length).toBeGreaterThan(3);
  }
  await done(["mirror", vendor, join(home, "mirror"), "--customer", customer]);
  await done([
    "bundle",
    "export",
    join(home, "file.bundle"),
    "--vendor",
    vendor,
    "--group",
    "default",
    "--customer",
    customer,
  ]);
  const stranger = await fileOf(
    JSON.stringify({ report: 1, machine: `m-${"0".repeat(32)}`, said: "a.b.c", reports: [] }),
  );
  expect(await suture(["report", "import", stranger, "--customer", customer])).toMatchObject({ code: 3 });
  await done(["audit"]);
  const exported = await run(["audit", "--customer", customer, "--csv"], { SUTURE_TOKEN: service.operator });
  expect(exported.out.split("\n")[0]).toBe("at,who,what,why,before,after");
  const line = new RegExp(
    `^[^,]+,"operator service, operator \\(test operator\\)",PUT /v1/customers/${customer}/`,
    "m",
  );
  expect(exported.out).toMatch(line);
  expect(await done(["audit", "--customer", customer, "--since", "2099-01-01"])).toEqual({ entries: [] });
  await done(["token", "create", "--customer", customer, "--tag", "eu"]);
  const enrolment = (...args: string[]) => done(["token", ...args, "--enrolment", "--customer", customer]);
  const { tokens: toEnrol } = await enrolment("list");
  expect(toEnrol).toMatchObject([{ tags: ["eu"], usesLeft: 1 }]);
  await enrolment("revoke", toEnrol[0].id);
  expect(await enrolment("show", toEnrol[0].id)).toMatchObject({ revokedAt: expect.any(String) });
  await done(["subscriptions", "--customer", customer, "--stream", stream]);
  await controlMachines(customer, `${stream}/bounds-check@1`);
  await done(["customer", "unsubscribe", customer, stream]);
  await done(["customer", "list"]);
  await done(["customer", "show", customer]);
  await done(["machines", "--customer", customer]);
  await done(["bulk", "--customer", customer, "--group", "default", "--to-group", "web"]);
  const { machine } = (await done(["machines", "--customer", customer])).machines[0];
  expect(await done(["machine", "show", machine, "--customer", customer])).toMatchObject({ machine, ephemeral: false });
  expect(await done(["machine", "retire", machine, "--customer", customer])).toMatchObject({
    liveness: "retired",
    retired: { by: "operator" },
  });
  const listed = async (...more: string[]) =>
    (await done(["machines", "--customer", customer, ...more])).machines.map(
      (each: { machine: string }) => each.machine,
    );
  await done(["receipts", "export", "--customer", customer, "--machine", machine, "--out", join(home, "receipts")]);
  expect(await listed()).not.toContain(machine);
  expect(await listed("--retired")).toContain(machine);
  await done(["token", "create", "--customer", customer, "--ephemeral", "--uses", "100"]);
  await done(["vendor", "list"]);
  expect(await done(["vendor", "show", vendor])).toMatchObject({
    firstRoot: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
  });
  await done(["list", "--vendor", vendor]);
  await done(["show", "echod/edge/bounds-check@1", "--vendor", vendor]);
  await done(["support", "set", "echod", matrix, "--vendor", vendor]);
  await done(["support", "show", "echod", "--vendor", vendor]);
  await done(["support", "report", "--customer", customer]);
  const soon = new Date(Date.now() + 5 * day).toISOString().slice(0, 10);
  const kernels = [{ title: "Debian 12", arch: "x86_64", kernel: "6", until: soon }];
  const ending = await fileOf(JSON.stringify({ kernels, builds: [], programs: [] }));
  await done(["support", "set", "echod", ending, "--vendor", vendor]);
  const urgent = await suture(["support", "report", "--customer", customer, "--attention"]);
  expect(urgent).toMatchObject({ code: 6, answer: { machines: [{ products: [{ coverage: "ends-in-7-days" }] }] } });
  expect((await run(["usage", "--customer", customer, "--csv"], { SUTURE_TOKEN: service.operator })).out).toBe(
    "month,customer,stream,machines,seats\n",
  );

  await done(["expiry"]);
  await done(["expiry", "--vendor", vendor]);
  await done(["service", "show"]);
  expect((await done(["service", "renew", "--keys", service.offlineKeys])).renewed).toContain("targets");
  await done(["service", "rotate-plan-keys"]);
  const tarball = await fileOf("a release of the agent");
  await done(["service", "release", "publish", "0.2.0", "--x86-64", tarball, "--keys", service.offlineKeys]);

  const { paths = {} } = service.api.getOpenAPI31Document({ openapi: "3.1.0", info: { title: "", version: "" } });
  const unused = Object.entries(paths).flatMap(([path, methods]) => {
    const own = new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
    return Object.keys(methods)
      .map((method) => method.toUpperCase())
      .filter((method) => !service.requests.some((each) => each.method === method && own.test(each.path)))
      .map((method) => `${method} ${path}`);
  });
  expect(unused).toEqual([]);

  const written = service.requests.filter(({ method, path, status = 500 }) => {
    return method !== "GET" && path.startsWith("/v1/") && status < 300;
  });
  expect(new Set(written.map(({ method, path }) => `${method} ${path}`)).size).toBeGreaterThan(25);
  const tenants = written.flatMap(
    ({ path }) => /^\/v1\/(vendor|customer)s\/([^/]+)/.exec(path)?.slice(1).join("/") ?? [],
  );
  const logged: string[] = [];
  for (const log of new Set(["service", ...tenants])) {
    logged.push(...(await collect((page) => service.stores.audit.list(log, page))).map(({ what }) => what));
  }
  const unlogged = written.map(({ method, path }) => `${method} ${path}`).filter((what) => !logged.includes(what));
  expect(unlogged, "every route that writes leaves an entry in a log").toEqual([]);
});
