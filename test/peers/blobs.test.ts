import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { s3Blobs } from "../../functions/stores/blobs/s3.ts";
import { blobsContract } from "../contract/blobs.ts";
import { describeWithPeer, startPeer, versityS3 } from "../support/peers.ts";

await describeWithPeer("an S3 server", versityS3, () => {
  blobsContract("S3", async () => {
    const peer = await startPeer(versityS3);
    const config = { ...peer, forcePathStyle: true };
    await new S3Client(config).send(new CreateBucketCommand({ Bucket: "suture" }));
    return { blobs: s3Blobs("suture", config), stop: () => peer.stop() };
  });
});
