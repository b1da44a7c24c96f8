import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { execSigner } from "../../cli/signers/exec.ts";
import { readMetadata } from "../../protocol/trust/edit.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { signersContract } from "../contract/signers.ts";
import { describeWithPeer } from "../support/peers.ts";
import { startSuture } from "../support/suture.ts";

const run = promisify(execFile);
const program = resolve("docs/examples/pkcs11-signer");
const pins = { user: "1234", security: "12345678" };
/** Debian's softhsm2 and opensc: a token in software, reached as any hardware token is. */
const softHsm = {
  needs: ["softhsm2-util", "pkcs11-tool", "openssl"],
  made: "/usr/lib/softhsm/libsofthsm2.so",
  make: () => Promise.reject(new Error("softhsm2 is installed without its module")),
};

await describeWithPeer("a token behind PKCS #11", softHsm, () => {
  let folder: string;
  let cli: Awaited<ReturnType<typeof startSuture>>;
  const before = { ...process.env };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "suture-token-"));
    await mkdir(join(folder, "tokens"));
    await writeFile(join(folder, "softhsm2.conf"), `directories.tokendir = ${join(folder, "tokens")}\n`);
    Object.assign(process.env, {
      SOFTHSM2_CONF: join(folder, "softhsm2.conf"),
      PKCS11_MODULE: softHsm.made,
      PKCS11_TOKEN: "suture",
      PKCS11_ID: "01",
      PKCS11_PIN: pins.user,
    });
    await run("softhsm2-util", [
      "--init-token",
      "--free",
      "--label",
      "suture",
      "--pin",
      pins.user,
      "--so-pin",
      pins.security,
    ]);
    const key = ["--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "root"];
    cli = await startSuture();
    await run("pkcs11-tool", ["--module", softHsm.made, "--login", "--pin", pins.user, ...key]);
  });
  afterAll(async () => {
    process.env = before;
    await cli?.stop();
    await rm(folder, { recursive: true });
  });

  signersContract("PKCS #11", () => execSigner(program));

  it("signs a vendor's next root and a patch, which a client takes that trusted the first root", async () => {
    const { vendor, publish } = await cli.newVendor();
    const rotate = (name: string) =>
      cli.suture(["vendor", "rotate", name, "--signer", `exec:${program}`, "--vendor", vendor]);
    expect(await rotate("root-1")).toMatchObject({ code: 0, answer: { promoted: ["root-1"] } });
    expect(await rotate("publishing")).toMatchObject({ code: 0, answer: { promoted: ["publishing"] } });
    expect(await publish((await cli.patchFolder()).folder)).toMatchObject({ code: 0 });

    const fetch = async (name: string) => (await cli.service.blobs.get(`tuf/${vendor}/${name}`))?.bytes;
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = [
      await fetch("1.root.json"),
      await fetch("2.root.json"),
    ];
    const { key } = await execSigner(program);
    const root = readMetadata("root", Buffer.from(second).toString("utf8"));
    expect(Object.keys(root.signatures)).toContain(key.keyid);
    expect(root.signed.roles.root?.keyIDs).toContain(key.keyid);
    const client = TrustedRepository.open(new Map([["root", first]]), new Date());
    await client.refresh(fetch, ["echod.edge"]);
    expect(client.target("echod/edge/bounds-check@1.json")).toBeDefined();
  });

  it("signs nothing with a wrong PIN", async () => {
    process.env.PKCS11_PIN = "0000";
    const signer = await execSigner(program);
    await expect(signer.sign(Buffer.from("x"))).rejects.toMatchObject({ code: "unavailable" });
    process.env.PKCS11_PIN = pins.user;
  });
});
