import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { blobsContract } from "../contract/blobs.ts";
import { describeWithPeer, startS3 } from "../support/peers.ts";

await describeWithPeer("an S3 server", ["go"], () => {
  blobsContract("S3", async () => {
    const peer = await startS3();
    const config = { ...peer, forcePathStyle: true };
    await new S3Client(config).send(new CreateBucketCommand({ Bucket: "suture" }));
    return { blobs: s3Blobs("suture", config), stop: () => peer.stop() };
  });
});
