import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  ListObjectVersionsCommand,
  PutObjectLockConfigurationCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { expect, it } from "vitest";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { s3Links } from "../../functions/stores/blobs/s3-links.ts";
import { blobsContract } from "../contract/blobs.ts";
import { describeWithPeer, startPeer, versityS3 } from "../support/peers.ts";

/** The least that a part may have, but the last. */
const partSize = 5 * 1024 * 1024;

await describeWithPeer("an S3 server", versityS3, () => {
  blobsContract("S3", async () => {
    const peer = await startPeer(versityS3);
    const config = { ...peer, forcePathStyle: true };
    await new S3Client(config).send(new CreateBucketCommand({ Bucket: "suture" }));
    return { blobs: s3Blobs("suture", config), stop: () => peer.stop() };
  });

  it("gives a blob to whoever holds a link that was signed without the SDK, and to nobody who changed it", async () => {
    const peer = await startPeer(versityS3);
    const config = { ...peer, forcePathStyle: true };
    await new S3Client(config).send(new CreateBucketCommand({ Bucket: "links" }));
    await s3Blobs("links", config).put("bundles/one", Buffer.from("bytes"));
    const link = s3Links({ ...peer, bucketUrl: `${peer.endpoint}/links` });
    const url = await link("bundles/one", { expiresInSeconds: 60 });
    expect(await (await fetch(url)).text()).toBe("bytes");
    // Which is how agent-api learns that there is no newer root
    expect((await fetch(await link("tuf/acme/2.root.json", { expiresInSeconds: 60 }))).status).toBe(404);
    expect((await fetch(url.replace("bundles/one", "bundles/two"))).status).toBe(403);
    expect((await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))).status).toBe(403);
    const brief = await link("bundles/one", { expiresInSeconds: 1 });
    await sleep(2_100);
    expect((await fetch(brief)).status).toBe(403);
    const elsewhere = s3Links({ ...peer, bucketUrl: `${peer.endpoint}/links`, servedFrom: "https://cdn.example.com" });
    expect(await elsewhere("bundles/one", { expiresInSeconds: 60 })).toMatch(
      /^https:\/\/cdn\.example\.com\/bundles\/one\?/,
    );
    await peer.stop();
  });

  it("reads what another tool uploaded in parts, as a copy of a bucket is made: whole, in a range that spans two, and by link", async () => {
    const peer = await startPeer(versityS3);
    const config = { ...peer, forcePathStyle: true };
    const client = new S3Client(config);
    await client.send(new CreateBucketCommand({ Bucket: "copied" }));
    const object = { Bucket: "copied", Key: "bundles/one" };
    const bytes = randomBytes(partSize + 1000);
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
    const Parts = [];
    for (const [at, start] of [0, partSize].entries()) {
      const part = { ...object, UploadId, PartNumber: at + 1, Body: bytes.subarray(start, start + partSize) };
      Parts.push({ PartNumber: at + 1, ETag: (await client.send(new UploadPartCommand(part))).ETag });
    }
    const blobs = s3Blobs("copied", config);
    expect(await blobs.stat("bundles/one")).toBeUndefined();
    await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload: { Parts } }));
    const whole = await blobs.get("bundles/one");
    expect(bytes.equals(whole?.bytes ?? Buffer.of())).toBe(true);
    const range = await blobs.open("bundles/one", { start: partSize - 10, end: partSize + 10 });
    const across = Buffer.from(await new Response(range?.stream).arrayBuffer());
    expect(across).toEqual(bytes.subarray(partSize - 10, partSize + 10));
    const link = await fetch(await blobs.presignGet("bundles/one", { expiresInSeconds: 60 }));
    expect(bytes.equals(Buffer.from(await link.arrayBuffer()))).toBe(true);
    await expect(blobs.put("bundles/one", Buffer.from("x"), { ifAbsent: true })).rejects.toMatchObject({
      code: "conflict",
    });
    await blobs.put("bundles/one", Buffer.from("x"), { ifMatch: whole?.etag ?? "" });
    await peer.stop();
  });

  it("keeps what is written to a bucket with object lock, however often a file is replaced", async () => {
    const peer = await startPeer(versityS3);
    const config = { ...peer, forcePathStyle: true };
    const client = new S3Client(config);
    await client.send(new CreateBucketCommand({ Bucket: "locked", ObjectLockEnabledForBucket: true }));
    await client.send(
      new PutObjectLockConfigurationCommand({
        Bucket: "locked",
        ObjectLockConfiguration: {
          ObjectLockEnabled: "Enabled",
          Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 30 } },
        },
      }),
    );
    const blobs = s3Blobs("locked", config);
    const { etag } = await blobs.put("tuf/acme/timestamp.json", Buffer.from("1"), { ifAbsent: true });
    await blobs.put("tuf/acme/timestamp.json", Buffer.from("2"), { ifMatch: etag });
    expect(Buffer.from((await blobs.get("tuf/acme/timestamp.json"))?.bytes ?? []).toString()).toBe("2");
    const { Versions = [] } = await client.send(new ListObjectVersionsCommand({ Bucket: "locked" }));
    expect(Versions).toHaveLength(2);
    const [first] = Versions.filter(({ IsLatest }) => !IsLatest);
    const remove = { Bucket: "locked", Key: "tuf/acme/timestamp.json", VersionId: first?.VersionId };
    await expect(client.send(new DeleteObjectCommand(remove))).rejects.toThrow();
    await peer.stop();
  });
});
