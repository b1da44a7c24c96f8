import { cp, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openMirror } from "../../agent/mirror/source.ts";
import { nodeHttp } from "../../agent/system/http.ts";
import { serviceClient } from "../../cli/client.ts";
import { MirrorFolder } from "../../cli/mirror/folder.ts";
import { mirror } from "../../cli/mirror/mirror.ts";
import { SutureError } from "../../protocol/errors.ts";
import { TrustedRepository } from "../../protocol/trust/verify.ts";
import { mirrorPath } from "../../protocol/wire/mirror.ts";
import { openHost } from "../support/agent/host.ts";
import { pollUntil, startWholeService, type WholeService } from "../support/whole/service.ts";
import { serveStatic } from "../support/whole/static-files.ts";

let service: WholeService;
let customer: Record<string, string>;
beforeAll(async () => {
  service = await startWholeService();
  const { token } = await service.suture(["token", "create", "--customer", "globex", "--portal", "--role", "operator"]);
  customer = { SUTURE_TOKEN: token };
});
afterAll(() => service.stop());

const folderNamed = (name: string) => join(service.directory, name);
const mirrorInto = (folder: string) => service.suture(["mirror", "acme", folder], customer);

/** A folder whose program is killed at some write. */
class CutFolder extends MirrorFolder {
  #left: number;

  constructor(root: string, writes: number) {
    super(root);
    this.#left = writes;
  }

  override async write(path: string, bytes: Uint8Array): Promise<void> {
    if (this.#left-- <= 0) throw new SutureError("internal", "killed");
    await super.write(path, bytes);
  }
}

/** Whether it came to its end. */
async function mirrorCut(folder: MirrorFolder): Promise<boolean> {
  const options = { vendor: "acme", customer: "globex", serviceRoot: undefined, now: new Date(), progress: () => {} };
  const client = serviceClient(service.stack.url, customer.SUTURE_TOKEN);
  try {
    await mirror({ ...options, client, folder });
    return true;
  } catch {
    return false;
  }
}

/** What a stranger verifies of a mirror from its first root: the targets that the vendor's role names. */
async function verified(folder: string, paths: readonly string[]) {
  const source = openMirror(folder, nodeHttp);
  const read = (name: string, max: number) => source.read(mirrorPath.metadata("acme", name), max);
  const root = await read("1.root.json", 512_000);
  if (root === undefined) throw new Error("no root");
  const client = TrustedRepository.open(new Map([["root", root]]), new Date());
  await client.refresh(read, ["echod.edge"]);
  return paths.filter((path) => client.target(path) !== undefined);
}

it("is verified, has what the customer subscribes to, fetches only what changed, and is refused where it does not verify", async () => {
  const first = await service.publish("one");
  const folder = folderNamed("mirror");
  const { code, out, err } = await service.run(["mirror", "acme", folder], customer);
  expect([code, out]).toEqual([0, expect.stringMatching(/new files and 1 new bundles/)]);
  expect(err).toContain("first root is");
  expect(await mirrorInto(folder)).toMatchObject({ files: 0, bundles: 0, bytes: 0, left: 0 });
  await service.publish("two");
  expect(await mirrorInto(folder)).toMatchObject({ bundles: 0, left: 0, files: 4 });
  expect(await verified(folder, ["echod/edge/one@1.json", "echod/edge/two@1.json"])).toHaveLength(2);
  expect(await readdir(folder)).not.toContain(".staging");

  await expect(
    service.suture(["mirror", "acme", folderNamed("other"), "--service-root", "0".repeat(64)], customer),
  ).rejects.toThrow("untrusted-metadata");
  await expect(service.suture(["mirror", "nobody", folder], customer)).rejects.toThrow("not-found");
  // Somebody changed the root in the folder: nothing built on it is taken, and nothing is written over it
  const bad = folderNamed("bad");
  await cp(folder, bad, { recursive: true });
  await writeFile(join(bad, "tuf/acme/1.root.json"), "{}");
  await expect(service.suture(["mirror", "acme", bad], customer)).rejects.toThrow("untrusted-metadata");
  expect(first).toContain("one@1");
});

it("shows whoever reads it the old state or the new one, whenever it is cut off, and goes on", async () => {
  const folder = folderNamed("cut");
  await mirrorInto(folder);
  const [before, after] = ["echod/edge/two@1.json", "echod/edge/three@1.json"];
  await service.publish("three");
  const seen = new Set<number>();
  for (let cutAfter = 0; ; cutAfter++) {
    const copy = folderNamed(`cut-${cutAfter}`);
    await cp(folder, copy, { recursive: true });
    const ended = await mirrorCut(new CutFolder(copy, cutAfter));
    const shown = await verified(copy, [before, after]);
    seen.add(shown.length);
    expect(shown).toContain(before);
    expect(await mirrorInto(copy)).toMatchObject({ vendor: "acme" });
    expect(await verified(copy, [before, after])).toHaveLength(2);
    if (ended) break;
  }
  expect([...seen]).toEqual([1, 2]);
});

/** A folder whose program is killed in the middle of a bundle. */
class CutInBundle extends MirrorFolder {
  override async receive(...[path, digest, open]: Parameters<MirrorFolder["receive"]>): Promise<number> {
    return await super.receive(path, digest, async (offset) => {
      const { start, body } = await open(offset);
      async function* half() {
        for await (const chunk of body) {
          yield chunk.subarray(0, digest.length / 2);
          throw new SutureError("internal", "killed");
        }
      }
      return { start, body: half() };
    });
  }
}

it("goes on within a bundle where an earlier run was cut off", async () => {
  const folder = folderNamed("within");
  await mirrorInto(folder);
  await service.publish("large", { payload: "/bin/bash" });
  expect(await mirrorCut(new CutInBundle(folder))).toBe(false);
  const { bundles, bytes } = await mirrorInto(folder);
  const sizes = await Promise.all(
    (await readdir(join(folder, "bundles"))).map(async (name) => (await stat(join(folder, "bundles", name))).size),
  );
  expect(bundles).toBe(1);
  expect(bytes).toBeLessThan(Math.max(...sizes));
});

it("gives agents bundles, and metadata when the service is gone, from a folder and from an address alike", async () => {
  const folder = folderNamed("served");
  const patch = await service.publish("four");
  await mirrorInto(folder);
  const web = await serveStatic(0, { "/suture/": folder });
  for (const location of [folder, `${web.url}/suture`]) {
    const offline = async (request: Parameters<typeof nodeHttp>[0]) => {
      if (request.url.includes("/blobs/")) throw new SutureError("unreachable", "no way to the service's bundles");
      return await nodeHttp(request);
    };
    const enrolled = await service.newHost(offline);
    const directory = join(enrolled.state, "..");
    const host = await openHost({ directory, clock: enrolled.clock, http: offline, mirror: location });
    await pollUntil(host, () => host.engine.pidsWith(patch).length === 2);
  }
  await web.stop();
});
