import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Blobs } from "../../functions/stores/blobs/blobs.ts";

const text = (value: string) => new TextEncoder().encode(value);
const unique = () => `bundles/${randomBytes(8).toString("hex")}`;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const conflict = expect.objectContaining({ code: "conflict" });

/** What every blob store promises, its signed URLs over real HTTP among it. */
export function blobsContract(name: string, start: () => Promise<{ blobs: Blobs; stop: () => Promise<void> }>) {
  describe(`blobs on ${name}`, () => {
    let running: Awaited<ReturnType<typeof start>>;
    let blobs: Blobs;
    beforeAll(async () => {
      running = await start();
      blobs = running.blobs;
    });
    afterAll(() => running?.stop());

    const upload = async (key: string, announced: Uint8Array, sent: Uint8Array) => {
      const { url, method, headers } = await blobs.presignPut(key, {
        sha256: sha256(announced),
        size: announced.length,
        expiresInSeconds: 60,
      });
      return fetch(url, { method, headers, body: Buffer.from(sent) });
    };

    test("what is put is read back, whole, in part and as a stream", async () => {
      const key = `tuf/acme/targets/srv/stable/${randomBytes(8).toString("hex")}.fix@1.json`;
      expect(await blobs.get(key)).toBeUndefined();
      expect(await blobs.stat(key)).toBeUndefined();
      expect(await blobs.open(key)).toBeUndefined();
      const { etag } = await blobs.put(key, text("0123456789"));
      expect(await blobs.stat(key)).toEqual({ size: 10, etag });
      const got = await blobs.get(key);
      expect([Buffer.from(got?.bytes ?? []).toString(), got?.etag]).toEqual(["0123456789", etag]);
      const whole = await blobs.open(key);
      expect([await new Response(whole?.stream).text(), whole?.size, whole?.etag]).toEqual(["0123456789", 10, etag]);
      const part = await blobs.open(key, { start: 2, end: 5 });
      expect([await new Response(part?.stream).text(), part?.size]).toEqual(["234", 10]);
    });

    test("an empty blob is a blob", async () => {
      const key = unique();
      await blobs.put(key, text(""), { ifAbsent: true });
      expect((await blobs.stat(key))?.size).toBe(0);
      expect(await new Response((await blobs.open(key))?.stream).text()).toBe("");
    });

    test("of many writers of an absent blob one wins, and the blob is the winner's", async () => {
      const key = unique();
      const writers = Array.from({ length: 8 }, (_, index) => text(`writer ${index}`));
      const writes = await Promise.allSettled(writers.map((bytes) => blobs.put(key, bytes, { ifAbsent: true })));
      const losers = writes.filter((write) => write.status === "rejected");
      expect(losers.map((write) => write.reason)).toEqual(Array(7).fill(conflict));
      const winner = writers[writes.findIndex((write) => write.status === "fulfilled")];
      expect(Buffer.from((await blobs.get(key))?.bytes ?? [])).toEqual(Buffer.from(winner ?? []));
    });

    test("a blob is replaced only by who has read its newest version", async () => {
      const key = unique();
      await expect(blobs.put(key, text("x"), { ifMatch: "none" })).rejects.toEqual(conflict);
      const first = await blobs.put(key, text("a"));
      const second = await blobs.put(key, text("b"), { ifMatch: first.etag });
      await expect(blobs.put(key, text("c"), { ifMatch: first.etag })).rejects.toEqual(conflict);
      expect((await blobs.get(key))?.etag).toBe(second.etag);
      await expect(blobs.put(key, text("c"), { ifAbsent: true })).rejects.toEqual(conflict);
      expect(Buffer.from((await blobs.get(key))?.bytes ?? []).toString()).toBe("b");
    });

    test.each([
      "",
      "/etc/passwd",
      "a/../b",
      "..",
      "a//b",
      "a/",
      "./a",
      ".staging/x",
      "a\0b",
      "a\\b",
      "a%2fb",
      "a?b",
      "é",
      `a/${"x".repeat(600)}`,
    ])("the key %j is refused", async (key) => {
      const refused = expect.objectContaining({ code: "invalid-request" });
      await expect(blobs.get(key)).rejects.toEqual(refused);
      await expect(blobs.put(key, text("x"))).rejects.toEqual(refused);
      await expect(blobs.presignPut(key, { sha256: sha256(text("x")), size: 1, expiresInSeconds: 1 })).rejects.toEqual(
        refused,
      );
      await expect(blobs.presignGet(key, { expiresInSeconds: 1 })).rejects.toEqual(refused);
    });

    test("a signed upload takes the announced bytes once, and they are read through a signed URL, in part too", async () => {
      const key = unique();
      const bytes = randomBytes(300_000);
      expect((await upload(key, bytes, bytes)).ok).toBe(true);
      expect([409, 412]).toContain((await upload(key, bytes, bytes)).status);
      // not toEqual, which takes a second to compare so many bytes
      expect(bytes.equals((await blobs.get(key))?.bytes ?? Buffer.of())).toBe(true);

      const url = await blobs.presignGet(key, { expiresInSeconds: 60 });
      expect(bytes.equals(Buffer.from(await (await fetch(url)).arrayBuffer()))).toBe(true);
      const part = await fetch(url, { headers: { range: "bytes=100-199" } });
      expect([part.status, part.headers.get("content-range")]).toEqual([206, "bytes 100-199/300000"]);
      expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(100, 200));
      const tail = await fetch(url, { headers: { range: "bytes=-5" } });
      expect(Buffer.from(await tail.arrayBuffer())).toEqual(bytes.subarray(-5));
      expect((await fetch(url, { headers: { range: "bytes=300000-" } })).status).toBe(416);
    });

    test("a signed upload of other bytes, fewer or more is refused and leaves nothing", async () => {
      const announced = randomBytes(1000);
      for (const sent of [randomBytes(1000), announced.subarray(1), Buffer.concat([announced, Buffer.of(0)])]) {
        const key = unique();
        const response = await upload(key, announced, sent);
        expect(response.status).toBeGreaterThanOrEqual(400);
        expect(response.status).toBeLessThan(500);
        expect(await blobs.stat(key)).toBeUndefined();
      }
    });

    test("a signed URL is good for its own blob and method only", async () => {
      const [key, other] = [unique(), unique()];
      await blobs.put(key, text("a"));
      await blobs.put(other, text("b"));
      const url = await blobs.presignGet(key, { expiresInSeconds: 60 });
      expect((await fetch(url)).status).toBe(200);
      expect((await fetch(url.replace(key, other))).status).toBe(403);
      expect((await fetch(url, { method: "PUT", body: "c" })).status).toBe(403);
      expect((await fetch(new URL(new URL(url).pathname, url))).status).toBe(403);
      const forUpload = await blobs.presignPut(key, { sha256: sha256(text("a")), size: 1, expiresInSeconds: 60 });
      expect((await fetch(forUpload.url, { headers: forUpload.headers })).status).toBe(403);
    });
  });
}
