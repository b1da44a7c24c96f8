import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { expect, it } from "vitest";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { s3Links } from "../../functions/stores/blobs/s3-links.ts";
import { blobsContract } from "../contract/blobs.ts";
import { describeWithPeer, startPeer, versityS3 } from "../support/peers.ts";

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
    expect((await fetch(url.replace("bundles/one", "bundles/two"))).status).toBe(403);
    expect((await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))).status).toBe(403);
    await peer.stop();
  });
});
