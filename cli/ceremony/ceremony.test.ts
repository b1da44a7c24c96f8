import { copyFile, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { startVendorService, type VendorService } from "../../test/support/vendor-service.ts";
import { runSuture } from "../program.ts";

let service: VendorService;
let home: string;
let number = 0;
beforeAll(async () => {
  service = await startVendorService();
  home = await mkdtemp(join(tmpdir(), "suture-ceremony-"));
});
afterAll(async () => {
  await service.stop();
  await rm(home, { recursive: true });
});

async function suture(...args: string[]) {
  let out = "";
  const code = await runSuture([...args, "--json"], {
    env: { SUTURE_SERVICE: service.url, SUTURE_TOKEN: service.operator },
    home,
    now: () => new Date(),
    out: (text) => {
      out += text;
    },
    err: () => {},
    watched: false,
  });
  return { code, answer: JSON.parse(out) };
}

/** A vendor with one patch out, and a client that trusted its repository from the start and follows it. */
async function publishedVendor() {
  const vendor = `acme-${++number}`;
  const keys = join(home, ".config/suture", vendor);
  expect(await suture("vendor", "init", vendor, "--product", "echod")).toMatchObject({ code: 0 });
  const publish = async (version: number) => {
    const folder = await mkdtemp(join(home, "patch-"));
    await copyFile("/bin/true", join(folder, "fix.so"));
    const functions = [{ name: "echo", replacement: "exit" }];
    const variants = [{ engine: "elf", payload: "fix.so", match: { buildId: "ab".repeat(20) }, functions }];
    const patch = { product: "echod", patch: "fix", version, title: "A fix", severity: "high", variants };
    await writeFile(join(folder, "patch.json"), JSON.stringify(patch));
    return await suture("publish", folder, "--vendor", vendor);
  };
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
    const vendor = `acme-${++number}`;
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
