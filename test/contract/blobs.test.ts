import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FsBlobs, fsBlobs } from "../../functions/stores/blobs/fs.ts";
import { blobRoutes } from "../../functions/stores/blobs/fs-routes.ts";
import { blobsContract } from "./blobs.ts";

const secret = Buffer.alloc(32, 7);

/** A store in a new directory, its URLs served by a real server; `clock` is its time. */
async function startFs(clock: () => number = Date.now) {
  const directory = await mkdtemp(join(tmpdir(), "suture-blobs-"));
  const app = new Hono();
  const server = createAdaptorServer({ fetch: app.fetch });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const blobs = await fsBlobs({ directory, baseUrl: `http://127.0.0.1:${port}/blobs`, secret, clock });
  app.route("/blobs", blobRoutes(blobs, { secret, clock }));
  const stop = async () => {
    server.close();
    await rm(directory, { recursive: true });
  };
  return { blobs, directory, port, stop };
}

blobsContract("the file system", startFs);

describe("blobs on the file system", () => {
  let now = Date.UTC(2026, 0, 1);
  let fs: Awaited<ReturnType<typeof startFs>>;
  let blobs: FsBlobs;
  beforeAll(async () => {
    fs = await startFs(() => now);
    blobs = fs.blobs;
  });
  afterAll(() => fs.stop());

  test("a signed URL works until its last second and no longer", async () => {
    await blobs.put("bundles/a", Buffer.from("a"));
    const url = await blobs.presignGet("bundles/a", { expiresInSeconds: 60 });
    now += 59_999;
    expect((await fetch(url)).status).toBe(200);
    now += 1;
    const late = await fetch(url);
    expect([late.status, await late.json()]).toEqual([403, expect.objectContaining({ code: "forbidden" })]);
    expect((await fetch(url.replace(/expires=\d+/, `expires=${now}`))).status).toBe(403);
  });

  test("a body that says it is larger than signed is refused before it is sent", async () => {
    const { url } = await blobs.presignPut("bundles/huge", { sha256: "0".repeat(64), size: 10, expiresInSeconds: 60 });
    const { pathname, search } = new URL(url);
    const socket = connect(fs.port, "127.0.0.1");
    socket.write(`PUT ${pathname}${search} HTTP/1.1\r\nhost: x\r\ncontent-length: 300000000\r\n\r\n`);
    const [answer] = await once(socket, "data");
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1.1 413 /);
  });

  test("an endless body is cut off once it is larger than signed, and nothing is kept", async () => {
    const { url } = await blobs.presignPut("bundles/endless", {
      sha256: "0".repeat(64),
      size: 10,
      expiresInSeconds: 60,
    });
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
        if (sent > 500_000_000) controller.close();
      },
    });
    const response = await fetch(url, { method: "PUT", body, duplex: "half" }).catch((error: Error) => error);
    if (response instanceof Response) expect(response.status).toBe(413);
    expect(sent).toBeLessThan(500_000_000);
    expect(await blobs.stat("bundles/endless")).toBeUndefined();
    await expect.poll(() => readdir(join(fs.directory, ".staging"))).toEqual([]);
  });

  test("what a killed process left half written is gone after the next start", async () => {
    await writeFile(join(fs.directory, ".staging", "half"), "ha");
    const again = await fsBlobs({ directory: fs.directory, baseUrl: "", secret, clock: () => now });
    expect(await readdir(join(fs.directory, ".staging"))).toEqual([]);
    expect((await again.get("bundles/a"))?.bytes).toEqual(Buffer.from("a"));
  });
});
