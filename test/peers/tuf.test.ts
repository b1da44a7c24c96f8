import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { listen } from "../../infra/local/listen.ts";
import { digestOf } from "../../protocol/trust/edit.ts";
import { targetFileName } from "../../protocol/trust/target-file.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { describeWithPeer, peerCache } from "../support/peers.ts";
import { vendorPen } from "../support/vendor-metadata.ts";
import { startVendorService, type VendorService } from "../support/vendor-service.ts";

const run = promisify(execFile);
const clients = join(import.meta.dirname, "tuf-clients");
const python = join(peerCache, "tuf-python/bin/python");
const goClient = join(peerCache, "go-tuf-client");
const path = "echod/edge/recalls.json";
const recalls = JSON.stringify({ recalls: [{ patch: "fix@1", reason: "a test", at: "2026-11-25T00:00:00Z" }] });

const pythonTuf = {
  needs: ["python3"],
  made: join(peerCache, "tuf-python/made"),
  async make() {
    await run("python3", ["-m", "venv", join(peerCache, "tuf-python")]);
    await run(python, ["-m", "pip", "install", "--quiet", "tuf==7.0.1", "securesystemslib[crypto]==1.6.0"]);
    await writeFile(join(peerCache, "tuf-python/made"), "");
  },
};
const goTuf = {
  needs: ["go"],
  made: goClient,
  make: () => run("go", ["build", "-o", goClient, "."], { cwd: join(clients, "go") }),
};

const toughClient = join(peerCache, "tough/release/tough-client");
const tough = {
  needs: ["cargo", "cmake", "cc"],
  made: toughClient,
  make: () =>
    run("cargo", ["build", "--release", "--locked", "--target-dir", join(peerCache, "tough")], {
      cwd: join(clients, "rust"),
    }),
};

type Read = { root: number; timestamp: number; snapshot: number; sha256: string };

/** What another client must make of a repository that Suture's service wrote, which it reads by HTTP or from a folder. */
function readsOurs(command: string, args: readonly string[], from: "http" | "folder" = "http"): void {
  let service: VendorService;
  let listener: Awaited<ReturnType<typeof listen>>;
  let vendor: Awaited<ReturnType<typeof published>>;
  /** put in the place of the file of that name; null is none */
  const bent = new Map<string, Uint8Array | null>();
  beforeAll(async () => {
    [service, listener] = await Promise.all([startVendorService(), listen(0)]);
    vendor = await published(service);
    listener.serve(async (request) => {
      const name = decodeURIComponent(new URL(request.url).pathname.slice(1));
      const bytes = bent.has(name) ? bent.get(name) : (await service.blobs.get(`tuf/acme/${name}`))?.bytes;
      return bytes == null ? new Response(null, { status: 404 }) : new Response(Buffer.from(bytes));
    });
  });
  afterAll(async () => {
    await listener.close();
    await service.stop();
  });
  const read = async (): Promise<Read> => {
    const directory = await mkdtemp(join(tmpdir(), "suture-tuf-"));
    try {
      await mkdir(join(directory, "metadata"));
      await writeFile(join(directory, "root.json"), vendor.firstRoot);
      if (from === "folder") {
        const folder = join(directory, "repository");
        await cp(join(service.directory, "tuf/acme"), folder, { recursive: true });
        // tough puts the digest before the whole path, where section 3.2 of the specification puts it before the file's name
        const { sha256 } = digestOf(Buffer.from(recalls));
        const named = join(folder, targetFileName(path, sha256));
        await cp(named, join(folder, `targets/${sha256}.${path}`));
        for (const [name, bytes] of bent)
          await (bytes === null ? rm(join(folder, name)) : writeFile(join(folder, name), bytes));
        return JSON.parse((await run(command, [...args, folder, directory, path])).stdout);
      }
      return JSON.parse((await run(command, [...args, listener.url, directory, path])).stdout);
    } finally {
      await rm(directory, { recursive: true });
    }
  };

  it("reads what Suture publishes as Suture's own client does, over rotated roots, one with new online keys", async () => {
    const own = TrustedRepository.open(new Map([["root", Buffer.from(vendor.firstRoot)]]), new Date());
    await own.refresh(async (name) => (await service.blobs.get(`tuf/acme/${name}`))?.bytes, ["echod.edge"]);
    expect(own.versions.root).toBe(3);
    expect(await read()).toEqual({ ...own.versions, sha256: digestOf(Buffer.from(recalls)).sha256 });
  });

  it("reads what the old and the new online keys have signed, before the root that names the new ones and after it", async () => {
    bent.set("timestamp.json", vendor.signedByBoth);
    expect(await read()).toMatchObject({ root: 3 });
    bent.set("3.root.json", null);
    expect(await read()).toMatchObject({ root: 2 });
    bent.clear();
  });

  it("refuses it where one digit of a role is changed", async () => {
    const role = (await service.blobs.get("tuf/acme/1.echod.edge.json"))?.bytes ?? Buffer.alloc(0);
    bent.set(
      "1.echod.edge.json",
      Buffer.from(Buffer.from(role).toString("utf8").replace('"version":1', '"version":2')),
    );
    await expect(read()).rejects.toThrow();
    bent.clear();
  });
}

/** A vendor whose root was replaced twice, then with new online keys, and who has published one target, through vendor-api and the publish job. */
async function published({ api, operator, blobs }: VendorService) {
  const send = async (method: string, url: string, token: string, json: object) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await api.request(url, { method, headers, body: JSON.stringify(json) });
    expect(response.status).toBeLessThan(300);
    return JSON.parse(await response.text());
  };
  const { onlineKeys, token } = await send("POST", "/v1/vendors", operator, { vendor: "acme", title: "Acme" });
  const pen = vendorPen(onlineKeys);
  const put = (role: string, text: string, files: Record<string, string> = {}) =>
    send("PUT", `/v1/vendors/acme/metadata/${role}`, token, { text, files });
  const firstRoot = await pen.root();
  await put("root", firstRoot);
  await put("targets", await pen.targets());
  await put("root", await pen.root(2));
  await put("echod.edge", await pen.role(1, { [path]: recalls }), { [path]: recalls });
  const timestamps: Uint8Array[] = [];
  const keep = blobs.put.bind(blobs);
  blobs.put = async (key, bytes, condition) => {
    if (key.endsWith("timestamp.json")) timestamps.push(bytes);
    return await keep(key, bytes, condition);
  };
  const { nextOnlineKeys } = await send("POST", "/v1/vendors/acme/online-keys", token, {});
  await put("root", await pen.root(3, undefined, nextOnlineKeys));
  blobs.put = keep;
  const [signedByBoth = Buffer.alloc(0)] = timestamps;
  expect(timestamps.map((bytes) => JSON.parse(Buffer.from(bytes).toString("utf8")).signatures.length)).toEqual([2, 1]);
  return { firstRoot, signedByBoth };
}

await describeWithPeer("python-tuf's client", pythonTuf, () => readsOurs(python, [join(clients, "read.py")]));
await describeWithPeer("go-tuf's client", goTuf, () => readsOurs(goClient, []));
await describeWithPeer("tough, AWS's client in Rust,", tough, () => readsOurs(toughClient, [], "folder"));

await describeWithPeer("Suture's client", pythonTuf, () => {
  it("reads what python-tuf writes, over a root that came to want two keys", async () => {
    const directory = await mkdtemp(join(tmpdir(), "suture-tuf-"));
    try {
      const { stdout } = await run(python, [join(clients, "write.py"), directory]);
      const written: { path: string; sha256: string } = JSON.parse(stdout);
      const root = await readFile(join(directory, "1.root.json"));
      const repository = TrustedRepository.open(new Map([["root", root]]), new Date());
      await repository.refresh((name) => readFile(join(directory, name)).catch(() => undefined), ["echod.stable"]);
      expect(repository.versions).toEqual({ root: 2, timestamp: 1, snapshot: 1 });
      expect(repository.target(written.path)).toMatchObject({ sha256: written.sha256, role: "echod.stable" });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
