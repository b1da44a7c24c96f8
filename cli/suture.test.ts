import { spawnSync } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { startSuture } from "../test/support/suture.ts";
import { patchSchema } from "./patch-schema.ts";

const cli = await startSuture();
const { service, home, suture, run, newVendor, patchFolder } = cli;
afterAll(() => cli.stop());

describe("a vendor's first steps", () => {
  it("keys are made for their owner alone, and none of them is in any request", async () => {
    const { keys, publish } = await newVendor();
    const { folder } = await patchFolder();
    expect(await publish(folder)).toMatchObject({ code: 0 });
    const names = await readdir(keys);
    expect(names.filter((name) => name.endsWith(".pem")).sort()).toEqual([
      "publishing.pem",
      "root-1.pem",
      "root-2.pem",
      "root-3.pem",
      "targets.pem",
    ]);
    const sent = service.requests.map(({ text }) => text).join("\n");
    expect(sent).toContain("echod.edge");
    for (const name of names) {
      const path = join(keys, name);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      if (!name.endsWith(".pem")) continue;
      for (const line of (await readFile(path, "utf8")).split("\n").slice(1, -2)) expect(sent).not.toContain(line);
    }
    expect(sent).not.toContain("PRIVATE KEY");
    expect((await stat(keys)).mode & 0o777).toBe(0o700);
  });

  it("an init that failed half-way goes on where it stopped, with the same keys", async () => {
    const vendor = cli.newName("acme");
    const init = ["vendor", "init", vendor, "--product", "echod"];
    expect(await suture(init, { SUTURE_TOKEN: `suture-api.${"x".repeat(43)}` })).toMatchObject({
      code: 3,
      answer: { error: { code: "unauthorized" } },
    });
    const key = join(home, ".config/suture", vendor, "root-1.pem");
    const before = await readFile(key, "utf8");
    // The vendor is there, and the answer with its token was lost
    await service.api.request("/v1/vendors", {
      method: "POST",
      headers: { authorization: `Bearer ${service.operator}`, "content-type": "application/json" },
      body: JSON.stringify({ vendor, title: "Acme" }),
    });
    expect(await suture(init)).toMatchObject({ code: 0, answer: { vendor, product: "echod" } });
    expect(await suture(init, {})).toMatchObject({ code: 0 });
    expect(await readFile(key, "utf8")).toBe(before);
    const other = await suture([...init, "--keys", join(home, "other-keys")]);
    expect(other).toMatchObject({ code: 4, answer: { error: { code: "conflict" } } });
  });

  it("another product is published for once it is added", async () => {
    const { vendor, publish } = await newVendor();
    const { folder } = await patchFolder({ product: "httpd" });
    expect(await publish(folder)).toMatchObject({ code: 1, answer: { error: { code: "not-found" } } });
    expect(await suture(["vendor", "add-product", vendor, "httpd"], {})).toMatchObject({ answer: { added: true } });
    expect(await publish(folder)).toMatchObject({ code: 0 });
    expect(await suture(["vendor", "add-product", vendor, "httpd"], {})).toMatchObject({ answer: { added: false } });
  });
});

describe("publishing", () => {
  it("puts a patch live; again unchanged does nothing, changed wants a higher version, which replaces it", async () => {
    const { vendor, publish } = await newVendor();
    const { folder, source } = await patchFolder();
    const id = `${vendor}/echod/edge/bounds-check@1`;
    expect(await publish(folder)).toMatchObject({ code: 0, answer: { patch: id, published: true, roleVersion: 1 } });
    expect(await publish(folder)).toMatchObject({ code: 0, answer: { published: false, roleVersion: 1, uploaded: 0 } });
    const { folder: changed } = await patchFolder({ ...source, title: "Something else" });
    expect(await publish(changed)).toMatchObject({ code: 4, answer: { error: { code: "already-exists" } } });
    const { folder: next } = await patchFolder({ ...source, version: 2 });
    expect(await publish(next)).toMatchObject({ code: 0, answer: { published: true } });
    const { answer } = await suture(["list", "--vendor", vendor], {});
    expect(answer.patches).toMatchObject([
      { id, state: "superseded" },
      { id: `${vendor}/echod/edge/bounds-check@2`, state: "live" },
    ]);
  });

  it("by two at the same time brings both patches", async () => {
    const { vendor, publish } = await newVendor();
    const folders = await Promise.all(["one", "two", "three"].map((patch) => patchFolder({ patch })));
    const results = await Promise.all(folders.map(({ folder }) => publish(folder)));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(new Set(results.map(({ answer }) => answer.roleVersion))).toEqual(new Set([1, 2, 3]));
    const { answer } = await suture(["list", "--vendor", vendor], {});
    expect(answer.patches.map(({ id }: { id: string }) => id.split("/").at(-1)).sort()).toEqual([
      "one@1",
      "three@1",
      "two@1",
    ]);
  });

  it("shows the upload's progress to a person, and nothing of it with --json", async () => {
    const { vendor } = await newVendor();
    const { folder } = await patchFolder({ title: "Seen by a person" });
    await writeFile(join(folder, "fix.so"), Buffer.concat([await readFile("/bin/true"), Buffer.from(`${vendor}`)]));
    const seen = await run(["publish", folder, "--vendor", vendor], {}, true);
    expect(seen.err).toMatch(/fix\.so {2}100 % of /);
    expect(seen.out).toBe(`Published ${vendor}/echod/edge/bounds-check@1.\n`);
    const upload = service.requests.findLast(({ path }) => path.startsWith("/blobs/bundles/"));
    expect(upload?.text).toContain('"content-length"');
  });

  it("with --dry-run sends nothing and needs no token", async () => {
    const { folder } = await patchFolder();
    const before = service.requests.length;
    const { code, answer } = await suture(["publish", folder, "--channel", "stable", "--dry-run"], {});
    expect({ code, path: answer.path }).toEqual({ code: 0, path: "echod/stable/bounds-check@1.json" });
    expect(service.requests.length).toBe(before);
  });

  it("names file, path and reason of each error in patch.json", async () => {
    const { publish } = await newVendor();
    const { folder, source } = await patchFolder({ severity: "terrible", extra: 1 });
    const { code, answer } = await publish(folder);
    expect(code).toBe(2);
    expect(answer.error).toMatchObject({
      code: "invalid-patch",
      detail: expect.stringContaining(join(folder, "patch.json")),
      issues: expect.arrayContaining([
        { path: "severity", reason: expect.stringContaining("critical") },
        { path: "(whole)", reason: expect.stringContaining("extra") },
      ]),
    });
    const [variant] = source.variants;
    const missing = await patchFolder({ variants: [variant, { ...variant, payload: "not-there.so" }] });
    expect((await publish(missing.folder)).answer.error).toMatchObject({
      issues: [{ path: "variants[1].payload", reason: expect.stringContaining("does not exist") }],
    });
    const unbuilt = await patchFolder({ variants: [{ ...variant, match: { binary: "patch.json" } }] });
    expect((await publish(unbuilt.folder)).answer.error).toMatchObject({
      issues: [{ path: "variants[0].match.binary" }],
    });
    const typo = await patchFolder({
      variants: [{ ...variant, functions: [{ name: "a", replacement: "no_such_thing" }] }],
    });
    expect((await publish(typo.folder)).answer.error).toMatchObject({
      issues: [{ path: "variants[0].functions[0].replacement" }],
    });
    const text = await patchFolder({}, '{"product": ');
    expect((await publish(text.folder)).answer.error).toMatchObject({ code: "invalid-patch" });
  });

  it("with another vendor's token is refused, and nothing of it is published", async () => {
    const [acme, other] = [await newVendor(), await newVendor()];
    const stolen = join(home, cli.newName("stolen"));
    await mkdir(stolen);
    await copyFile(join(acme.keys, "publishing.pem"), join(stolen, "publishing.pem"));
    await copyFile(join(other.keys, "publisher.token"), join(stolen, "publisher.token"));
    const { folder } = await patchFolder();
    const refused = await suture(["publish", folder, "--vendor", acme.vendor, "--keys", stolen], {});
    expect(refused).toMatchObject({ code: 1, answer: { error: { code: "not-found" } } });
    // And the other way round: the right token with a key that the vendor's targets do not name
    await copyFile(join(acme.keys, "publisher.token"), join(stolen, "publisher.token"));
    await copyFile(join(other.keys, "publishing.pem"), join(stolen, "publishing.pem"));
    expect(await suture(["publish", folder, "--vendor", acme.vendor, "--keys", stolen], {})).toMatchObject({
      code: 3,
      answer: { error: { code: "bad-signature" } },
    });
    expect((await suture(["list", "--vendor", acme.vendor], {})).answer.patches).toEqual([]);
  });
});

describe("withdrawing", () => {
  it("states a reason that everyone sees, can be repeated, and ends that version for ever", async () => {
    const { vendor, publish } = await newVendor();
    const { folder } = await patchFolder();
    await publish(folder);
    const id = `${vendor}/echod/edge/bounds-check@1`;
    const withdraw = (patch: string) => suture(["withdraw", patch, "--vendor", vendor, "--reason", "It leaks"], {});
    expect(await withdraw("echod/edge/nothing@1")).toMatchObject({ code: 1, answer: { error: { code: "not-found" } } });
    expect(await withdraw("echod/edge/bounds-check@1")).toMatchObject({
      code: 0,
      answer: { patch: id, withdrawn: true },
    });
    expect(await withdraw(id)).toMatchObject({ code: 0, answer: { withdrawn: false } });
    expect((await suture(["list", "--vendor", vendor], {})).answer.patches).toMatchObject([
      { id, state: "withdrawn", reason: "It leaks" },
    ]);
    expect(await publish(folder)).toMatchObject({ code: 4, answer: { error: { code: "already-exists" } } });
  });
});

describe("the name of a patch", () => {
  it("as one command prints it is taken by every other, with the vendor before it and without", async () => {
    const { vendor, publish } = await newVendor();
    const { folder } = await patchFolder();
    const { answer } = await publish(folder);
    for (const name of [answer.patch, answer.patch.slice(vendor.length + 1)]) {
      for (const command of [
        ["show", name],
        ["publication", name],
        ["hold", "show", name],
        ["hold", "set", name, "--answer", "why"],
        ["hold", "release", name, "--answer", "over"],
        ["promote", name, "--to", "beta"],
      ]) {
        expect(await suture([...command, "--vendor", vendor], {}), command.join(" ")).toMatchObject({ code: 0 });
      }
    }
    expect(await suture(["show", `other/echod/edge/bounds-check@1`, "--vendor", vendor], {})).toMatchObject({
      code: 2,
    });
  });
});

describe("customers", () => {
  it("are let in, subscribed and given tokens for their hosts and people", async () => {
    const { vendor } = await newVendor();
    expect(await suture(["customer", "create", "globex"])).toMatchObject({ code: 0 });
    expect(await suture(["customer", "create", "globex"])).toMatchObject({ code: 4 });
    const subscribe = [
      "customer",
      "subscribe",
      "globex",
      `${vendor}/echod/edge`,
      "--seats",
      "3",
      "--until",
      "2030-01-31",
    ];
    expect(await suture(subscribe)).toMatchObject({ answer: { seats: 3, endsAt: "2030-02-01T00:00:00.000Z" } });
    const token = ["token", "create", "--customer", "globex"];
    expect((await suture([...token, "--uses", "2"])).answer.token).toMatch(/^suture-enrol\./);
    const portal = (await suture([...token, "--portal", "--expires-in", "30d"])).answer.token;
    expect(await suture(["machines", "--customer", "globex"], { SUTURE_TOKEN: portal })).toMatchObject({
      answer: { machines: [] },
    });
    expect(await suture(["customer", "create", "umbrella"], { SUTURE_TOKEN: portal })).toMatchObject({ code: 3 });
    const brief = (await suture([...token, "--api", "--expires-in", "15m"])).answer;
    expect((Date.parse(brief.expiresAt) - Date.now()) / 60_000).toBeCloseTo(15, 0);
    expect(await suture([...token, "--expires-in", "0m"])).toMatchObject({ code: 2 });
    const words = await run(token, { SUTURE_TOKEN: service.operator });
    expect(words.out).toMatch(/^suture-enrol\.[^\s]+\n$/);
  });
});

describe("the program", () => {
  it("says wrong usage and an unreachable service by code, as one object with --json", async () => {
    expect(await suture(["publish"])).toMatchObject({ code: 2, answer: { error: { code: "invalid-request" } } });
    expect(await suture(["withdraw", "echod/edge/x@1"])).toMatchObject({ code: 2 });
    expect(await suture(["customer", "create", "x", "--service", "http://127.0.0.1:9"])).toMatchObject({
      code: 5,
      answer: { error: { code: "unreachable" } },
    });
    expect(await suture(["customer", "create", "x", "--service", "http://example.com"])).toMatchObject({ code: 2 });
    const words = await run(["customer", "create", "No Such Name"], { SUTURE_TOKEN: service.operator });
    expect(words).toMatchObject({ code: 2, out: "", err: expect.stringContaining("customer: 1 to 63 of a-z") });
  });

  it("tells a publisher's token that is damaged from one that is not there", async () => {
    const { vendor, keys } = await newVendor();
    await writeFile(join(keys, "publisher.token"), "half a tok");
    expect((await suture(["list", "--vendor", vendor], {})).answer.error).toMatchObject({
      code: "invalid-request",
      detail: expect.stringContaining("publisher.token is damaged"),
    });
    await rm(join(keys, "publisher.token"));
    expect((await suture(["list", "--vendor", vendor], {})).answer.error.detail).toContain(
      "There is no publisher.token",
    );
  });

  it("whose output nobody reads any more ends without a word", async () => {
    const main = join(import.meta.dirname, "main.ts");
    const line = `"${process.execPath}" --disable-warning=ExperimentalWarning --import tsx "${main}" schema | head -c 1; exit "\${PIPESTATUS[0]}"`;
    const { stdout, stderr, status } = spawnSync("bash", ["-c", line], { encoding: "utf8" });
    expect({ stdout, stderr, status }).toEqual({ stdout: "{", stderr: "", status: 0 });
  });

  it("docs/patch.schema.json is what `suture schema` prints", async () => {
    const file = await readFile(join(import.meta.dirname, "../docs/patch.schema.json"), "utf8");
    expect(JSON.parse(file)).toEqual(patchSchema());
  });
});
