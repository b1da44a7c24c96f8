import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { startSuture } from "../../test/support/suture.ts";
import { startVendorService } from "../../test/support/vendor-service.ts";

const run = promisify(execFile);
const cli = await startSuture();
const { service, home } = cli;
const suture = (...args: string[]) => cli.suture(args);
afterAll(() => cli.stop());

/** A vendor with one patch out, and a client that trusted its repository from the start and follows it. */
async function publishedVendor() {
  const { vendor, keys, publish: send } = await cli.newVendor();
  const publish = async (version: number) =>
    await send((await cli.patchFolder({ patch: "fix", title: "A fix", version })).folder);
  expect(await publish(1)).toMatchObject({ code: 0 });
  const fetch = async (name: string) => (await service.blobs.get(`tuf/${vendor}/${name}`))?.bytes;
  let kept = new Map([["root", (await fetch("1.root.json")) ?? Buffer.alloc(0)]]);
  const follow = async () => {
    for (const files of [kept, new Map([["root", (await fetch("1.root.json")) ?? Buffer.alloc(0)]])]) {
      const client = TrustedRepository.open(files, new Date());
      await client.refresh(fetch, ["echod.edge"]);
      kept = new Map(client.files);
    }
    return TrustedRepository.open(kept, new Date()).versions.root;
  };
  await follow();
  return { vendor, keys, publish, follow };
}

describe("a ceremony of two of three people", () => {
  it("travels as a file, takes no signature twice or from strangers, and ends in a root that every client follows", async () => {
    const { vendor, keys, follow, publish } = await publishedVendor();
    const other = join(home, `other-${vendor}`);
    const stranger = join(home, `stranger-${vendor}`);
    await Promise.all([mkdir(other), mkdir(stranger)]);
    await rename(join(keys, "root-2.pem"), join(other, "root-2.pem"));
    await rename(join(keys, "root-3.pem"), join(stranger, "root-3.pem"));
    await copyFile(join(keys, "publishing.pem"), join(stranger, "root-3.pem"));

    const { answer } = await suture("vendor", "rotate", "root-1", "--vendor", vendor);
    expect(answer).toMatchObject({ role: "root", version: 2, submitted: false });
    const file: string = answer.proposal;
    expect(await suture("vendor", "submit", file)).toMatchObject({
      code: 3,
      answer: { error: { code: "bad-signature" } },
    });
    expect(await suture("vendor", "sign", file, "--keys", keys)).toMatchObject({ code: 2 });
    expect(await suture("vendor", "sign", file, "--keys", stranger)).toMatchObject({ code: 2 });
    const requests = service.requests.length;
    expect(await suture("vendor", "sign", file, "--keys", other)).toMatchObject({
      answer: { added: 1, complete: true },
    });
    expect(service.requests.length).toBe(requests);
    const old = await readFile(join(keys, "root-1.pem"), "utf8");
    expect(await suture("vendor", "submit", file)).toMatchObject({ code: 0, answer: { promoted: ["root-1"] } });
    expect(await readFile(join(keys, "root-1.old.pem"), "utf8")).toBe(old);
    expect(await follow()).toBe(2);
    expect(await publish(2)).toMatchObject({ code: 0 });
  });
});

describe("a vendor that three people found", () => {
  it("has a root of their keys, made and signed apart, and can publish once two have signed", async () => {
    const vendor = cli.newName("acme");
    const people = ["a", "b", "c"].map((name, at) => ({
      name: `root-${at + 1}`,
      keys: join(home, `${vendor}-${name}`),
    }));
    const made = [];
    for (const { name, keys } of people) made.push(await suture("vendor", "key", name, "--keys", keys));
    const files: string[] = made.map(({ answer }) => answer.publicKey);
    const init = (...rootKeys: string[]) =>
      suture("vendor", "init", vendor, "--product", "echod", "--root-key", ...rootKeys);
    const [first = "", second = ""] = files;
    expect(await init(first, second, second)).toMatchObject({ code: 2 });
    expect(await init(first)).toMatchObject({ code: 2 });
    const { answer } = await init(...files);
    expect(answer).toMatchObject({ version: 1, submitted: false });
    for (const { keys } of people.slice(0, 2)) await suture("vendor", "sign", answer.proposal, "--keys", keys);
    expect(await suture("vendor", "submit", answer.proposal)).toMatchObject({ code: 0 });
    expect(await init(...files)).toMatchObject({ code: 0, answer: { product: "echod" } });
    expect(await suture("list", "--vendor", vendor)).toMatchObject({ code: 0 });
    expect((await service.blobs.get(`tuf/${vendor}/timestamp.json`))?.bytes).toBeDefined();
  });
});

describe("the service's own repository", () => {
  it("is founded by three people, admits a vendor by two of them, and changes hands without an agent left behind", async () => {
    const own = await startVendorService({ founded: false });
    try {
      const operator = (...args: string[]) => suture("service", ...args, "--service", own.url, "--token-file", token);
      const token = join(home, "operator.token");
      await writeFile(token, own.operator);
      const people = ["a", "b", "c"].map((name) => join(home, `service-${name}`));
      const desk = join(home, "service-desk");
      const publicKeys: string[] = [];
      for (const role of ["root", "targets", "agent", "vendors"]) {
        for (const [at, keys] of people.entries()) {
          const { answer } = await suture("service", "key", `${role}-${at + 1}`, "--keys", keys);
          publicKeys.push(answer.publicKey);
        }
      }
      const all = async (begin: () => ReturnType<typeof operator>) => {
        for (;;) {
          const { code, answer } = await begin();
          expect(code).toBe(0);
          if (answer.submitted) return answer;
          for (const keys of people.slice(1)) await suture("service", "sign", answer.proposal, "--keys", keys);
          expect(await operator("submit", answer.proposal, "--keys", desk)).toMatchObject({ code: 0 });
        }
      };
      const fetch = async (name: string) => (await own.blobs.get(`tuf/service/${name}`))?.bytes;
      await all(() => operator("init", "--keys", desk, "--public-key", ...publicKeys));
      const first = (await fetch("1.root.json")) ?? Buffer.alloc(0);
      const agent = async () => {
        const client = TrustedRepository.open(new Map([["root", first]]), new Date());
        await client.refresh(fetch, ["vendors"]);
        return client;
      };
      await agent();

      // The service's consent is not enough, and neither is one person's
      expect((await operator("admit", "acme-0", "--keys", desk)).code).toBe(1);
      const vendor = cli.newName("acme");
      const founded = await suture(
        "vendor",
        "init",
        vendor,
        "--product",
        "echod",
        "--service",
        own.url,
        "--token-file",
        token,
      );
      expect(founded).toMatchObject({ code: 0 });
      const { answer: proposed } = await operator("admit", vendor, "--keys", desk);
      await suture("service", "sign", proposed.proposal, "--keys", people[0] ?? "");
      expect(await operator("submit", proposed.proposal, "--keys", desk)).toMatchObject({ code: 3 });
      await suture("service", "sign", proposed.proposal, "--keys", people[1] ?? "");
      expect(await operator("submit", proposed.proposal, "--keys", desk)).toMatchObject({ code: 0 });
      expect((await agent()).target(`vendors/${vendor}.root.json`)).toBeDefined();

      await all(() => operator("rotate", "vendors-1", "--keys", people[0] ?? ""));
      await all(() => operator("rotate", "targets-1", "--keys", people[0] ?? ""));
      await all(() => operator("rotate", "root-1", "--keys", people[0] ?? ""));
      expect((await agent()).versions.root).toBe(3);
      expect((await agent()).target(`vendors/${vendor}.root.json`)).toBeDefined();
      expect(
        await operator("set-keys", "plan-keys", publicKeys[0] ?? "", "--threshold", "2", "--keys", desk),
      ).toMatchObject({ code: 2 });
      expect(await operator("show")).toMatchObject({ code: 0 });
      expect(await operator("rotate-plan-keys")).toMatchObject({ code: 0, answer: { asked: true } });
    } finally {
      await own.stop();
    }
  });
});

describe("publishing keys of two of three people", () => {
  it("sign what is public before they alone may, then every patch and withdrawal, one after the other", async () => {
    const { vendor, keys, publish, follow } = await publishedVendor();
    const [ann, bob, cy] = ["ann", "bob", "cy"].map((name) => join(home, `${vendor}-${name}`)) as [
      string,
      string,
      string,
    ];
    const pubs: string[] = [];
    for (const directory of [ann, bob, cy]) {
      const { answer } = await suture("vendor", "key", "publishing-2", "--keys", directory);
      pubs.push(answer.publicKey);
    }
    const setKeys = () => suture("vendor", "set-keys", "echod.edge", ...pubs, "--threshold", "2", "--vendor", vendor);
    expect(
      await suture("vendor", "set-keys", "echod", pubs[0] ?? "", "--threshold", "2", "--vendor", vendor),
    ).toMatchObject({ code: 2 });
    const { answer: begun } = await setKeys();
    expect(begun).toMatchObject({ role: "echod.edge", submitted: false });
    await follow();
    for (const directory of [ann, bob]) await suture("vendor", "sign", begun.proposal, "--keys", directory);
    expect(await suture("vendor", "submit", begun.proposal)).toMatchObject({ code: 0 });
    expect(await setKeys()).toMatchObject({ answer: { role: "targets", submitted: true } });
    await follow();

    // Nobody alone: neither the old key nor one of the three
    expect(await publish(2)).toMatchObject({ code: 3, answer: { error: { code: "bad-signature" } } });
    await copyFile(join(cy, "publishing-2.pem"), join(keys, "publishing.pem"));
    const { answer: proposed } = await publish(2);
    expect(proposed).toMatchObject({ published: false, submitted: false });
    expect(await suture("vendor", "submit", proposed.proposal)).toMatchObject({ code: 3 });
    const signed = await suture("vendor", "sign", proposed.proposal, "--keys", ann);
    expect(signed.answer).toMatchObject({
      added: 1,
      complete: true,
      says: expect.arrayContaining(["new: echod/edge/fix@2.json (A fix, high)"]),
    });
    expect(await suture("vendor", "submit", proposed.proposal)).toMatchObject({ code: 0 });
    await follow();
    const { answer: list } = await suture("list", "--vendor", vendor);
    expect(list.patches.find(({ id }: { id: string }) => id.endsWith("fix@2"))).toMatchObject({ state: "live" });
  });

  it("see what they sign, and do not sign a text that the metadata does not name", async () => {
    const { vendor, keys, publish } = await publishedVendor();
    const other = join(home, `${vendor}-other`);
    const { answer } = await suture("vendor", "key", "publishing-2", "--keys", other);
    await suture("vendor", "key", "publishing", "--keys", keys);
    const both = [join(keys, "publishing.pub"), answer.publicKey];
    const { answer: begun } = await suture(
      "vendor",
      "set-keys",
      "echod",
      ...both,
      "--threshold",
      "2",
      "--vendor",
      vendor,
    );
    await suture("vendor", "sign", begun.proposal, "--keys", other);
    await suture("vendor", "submit", begun.proposal);
    await suture("vendor", "set-keys", "echod", ...both, "--threshold", "2", "--vendor", vendor);
    const { answer: proposed } = await publish(2);
    const file = JSON.parse(await readFile(proposed.proposal, "utf8"));
    file.files["echod/edge/fix@2.json"] = file.files["echod/edge/fix@2.json"].replace("A fix", "Harmless");
    await writeFile(proposed.proposal, JSON.stringify(file));
    expect(await suture("vendor", "sign", proposed.proposal, "--keys", other)).toMatchObject({
      code: 2,
      answer: { error: { code: "invalid-metadata" } },
    });
  });
});

describe("a targets key that is lost", () => {
  it("is replaced by a root that knows both, then one without it, and no client is left behind in between", async () => {
    const { vendor, keys, publish, follow } = await publishedVendor();
    const { answer: shown } = await suture("vendor", "key", "targets", "--keys", keys);
    await rm(join(keys, "targets.pem"));
    expect(await suture("vendor", "rotate", "targets", "--vendor", vendor)).toMatchObject({ code: 1 });
    expect(await suture("vendor", "rotate", "targets", "--replaces", shown.keyid, "--vendor", vendor)).toMatchObject({
      code: 0,
      answer: { role: "root", version: 3, promoted: ["targets"] },
    });
    expect(await follow()).toBe(3);
    expect(await publish(2)).toMatchObject({ code: 0 });
  });
});

describe("a key that is no file here", () => {
  it("signs by its program, is taken for no other, and signs nothing where the program answers nonsense", async () => {
    const { vendor, keys, publish, follow } = await publishedVendor();
    const token = await mkdtemp(join(home, "token-"));
    await run("openssl", [
      "genpkey",
      "-algorithm",
      "EC",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-out",
      `${token}/key`,
    ]);
    const program = join(token, "sign");
    const script = (sign: string) => `#!/bin/sh
case $1 in
public-key) openssl pkey -in ${token}/key -pubout ;;
sign) ${sign} ;;
esac
`;
    await writeFile(program, script(`openssl dgst -sha256 -sign ${token}/key`), { mode: 0o755 });
    const signer = `exec:${program}`;
    expect(await suture("vendor", "rotate", "publishing", "--signer", signer, "--vendor", vendor)).toMatchObject({
      code: 0,
      answer: { promoted: ["publishing"], signed: ["echod.edge"] },
    });
    await rm(join(keys, "publishing.old.pem"));
    expect(await publish(2)).toMatchObject({ code: 0 });
    await follow();
    await writeFile(program, script("head -c 70 /dev/zero"));
    expect(await publish(3)).toMatchObject({ code: 3, answer: { error: { code: "bad-signature" } } });
    await writeFile(program, script("echo no token >&2; exit 3"));
    expect(await publish(3)).toMatchObject({ code: 5, answer: { error: { code: "unavailable" } } });
    expect(await suture("vendor", "key", "root-4", "--keys", keys, "--signer", "usb:1")).toMatchObject({ code: 2 });
  });
});

describe("with all keys at hand", () => {
  it("a publishing key is replaced, and the old one publishes nothing more", async () => {
    const { vendor, keys, follow, publish } = await publishedVendor();
    expect(await suture("vendor", "rotate", "publishing", "--vendor", vendor)).toMatchObject({
      code: 0,
      answer: { signed: ["echod.edge"] },
    });
    await follow();
    expect(await publish(2)).toMatchObject({ code: 0 });
    await copyFile(join(keys, "publishing.old.pem"), join(keys, "publishing.pem"));
    expect(await publish(3)).toMatchObject({ code: 3, answer: { error: { code: "bad-signature" } } });
  });

  it("a targets key is replaced, and everything is renewed with the new one", async () => {
    const { vendor, follow, publish } = await publishedVendor();
    expect(await suture("vendor", "rotate", "targets", "--vendor", vendor)).toMatchObject({
      code: 0,
      answer: { promoted: ["targets"] },
    });
    expect(await follow()).toBe(2);
    expect(await suture("vendor", "renew", "--vendor", vendor)).toMatchObject({
      code: 0,
      answer: { renewed: ["echod.edge", "targets"], root: { version: 3, submitted: true } },
    });
    expect(await follow()).toBe(3);
    expect(await publish(2)).toMatchObject({ code: 0 });
  });

  it("the keys that the service holds are replaced, twice, and what the old ones sign counts no more", async () => {
    const { vendor, keys, follow, publish } = await publishedVendor();
    const before = await service.stores.vendors.get(vendor);
    const spare = join(home, `spare-${vendor}`);
    await mkdir(spare);
    for (const name of ["root-2.pem", "root-3.pem"]) await rename(join(keys, name), join(spare, name));
    const rotate = () => suture("vendor", "rotate", "online", "--vendor", vendor);
    const { answer } = await rotate();
    expect(answer).toMatchObject({ submitted: false, old: { timestamp: before?.onlineKeys.timestamp.key.keyid } });
    // Until a root names them, they are the same ones
    expect((await rotate()).answer.new).toEqual(answer.new);
    expect(await follow()).toBe(1);
    await suture("vendor", "sign", answer.proposal, "--keys", spare);
    expect(await suture("vendor", "submit", answer.proposal)).toMatchObject({ code: 0 });
    expect(await follow()).toBe(2);
    expect(await publish(2)).toMatchObject({ code: 0 });

    const timestamp = (await service.blobs.get(`tuf/${vendor}/timestamp.json`))?.bytes ?? Buffer.alloc(0);
    const signedBy = JSON.parse(Buffer.from(timestamp).toString()).signatures.map(
      ({ keyid }: { keyid: string }) => keyid,
    );
    expect(signedBy).toEqual([answer.new.timestamp]);
    await rename(join(spare, "root-2.pem"), join(keys, "root-2.pem"));
    expect(await rotate()).toMatchObject({ code: 0, answer: { submitted: true, version: 3, old: answer.new } });
    expect(await follow()).toBe(3);
    expect(await publish(3)).toMatchObject({ code: 0 });
    expect(await suture("vendor", "rotate", "online", "--replaces", "12345678", "--vendor", vendor)).toMatchObject({
      code: 2,
    });
  });

  it("a root key can be revoked, but not so many that nobody could sign", async () => {
    const { vendor, keys, follow } = await publishedVendor();
    expect(await suture("vendor", "revoke", "root-3", "--vendor", vendor)).toMatchObject({ code: 0 });
    expect(await suture("vendor", "revoke", "root-2", "--vendor", vendor)).toMatchObject({
      code: 2,
      answer: { error: { code: "invalid-request" } },
    });
    expect(await suture("vendor", "revoke", "publishing", "--vendor", vendor)).toMatchObject({ code: 2 });
    expect(await follow()).toBe(2);
    await rm(join(keys, "root-3.pem"));
    expect(await suture("vendor", "renew", "--vendor", vendor)).toMatchObject({
      answer: { root: { submitted: true } },
    });
  });
});
