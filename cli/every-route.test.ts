import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, expect, it } from "vitest";
import { newRollout } from "../functions/domain/rollout.ts";
import { collect } from "../functions/stores/page.ts";
import { startSuture } from "../test/support/suture.ts";

const cli = await startSuture();
const { service, home, suture, run, done, fileOf, newVendor, newName, patchFolder } = cli;
afterAll(() => cli.stop());

const day = 86_400_000;

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
  await done(["vendor", "rotate", "online", "--vendor", vendor]);
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

  await done(["publication", "echod/edge/bounds-check@1", "--vendor", vendor]);
  await done(["recall", `${stream}/bounds-check@1`, "--reason", "it corrupts"]);
  await done(["recalls", `${stream}/bounds-check@1`]);
  await done(["recalls", "--customer", customer]);
  await done(["vendor", "stop", vendor, "--reason", "stolen"]);
  await done(["vendor", "resume", vendor, "--reason", "new keys"]);
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
