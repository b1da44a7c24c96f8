import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { freePort, spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { gatherCast } from "../../infra/local/demo/cast.ts";
import { buildSample, livePatch, takeNextVersion } from "../../infra/local/demo/sample-patch.ts";
import { until } from "../../infra/local/demo/scene.ts";
import { openStores } from "../../infra/local/stores.ts";
import { describeWithPeer, dynamoDbLocal, type RunningPeer, startPeer, versityS3 } from "../support/peers.ts";

const root = join(import.meta.dirname, "../..");

await describeWithPeer(
  "the service as one process, over DynamoDB Local and an S3 server",
  [dynamoDbLocal, versityS3],
  () => {
    let folder: string;
    let peers: [RunningPeer, RunningPeer];
    let port: number;
    let server: ReturnType<typeof spawnBound>;
    const url = () => `http://127.0.0.1:${port}`;

    const start = async () => {
      const [dynamo, s3] = peers;
      server = spawnBound(process.execPath, ["--import", "tsx", "infra/server/main.ts"], {
        cwd: root,
        output: "pipe",
        env: {
          PATH: process.env.PATH ?? "",
          PORT: String(port),
          SUTURE_KEYS: join(folder, "keys"),
          SUTURE_BUCKET: "suture",
          SUTURE_POLL_SECONDS: "1",
          AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
          AWS_ENDPOINT_URL_S3: s3.endpoint,
          AWS_ACCESS_KEY_ID: s3.credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: s3.credentials.secretAccessKey,
        },
      });
      await until("the service is public", async () => {
        if (server.exitCode !== null) throw new Error("the server ended");
        return await fetch(`${url()}/tuf/service/timestamp.json`).then(
          (response) => response.ok,
          () => false,
        );
      });
    };
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "suture-server-"));
      peers = await Promise.all([startPeer(dynamoDbLocal), startPeer(versityS3)]);
      await new S3Client({ ...peers[1], forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: "suture" }));
      port = await freePort();
      await start();
    });
    afterAll(async () => {
      await stopBound(server);
      await Promise.all(peers.map((peer) => peer.stop()));
      await rm(folder, { recursive: true, force: true });
    });

    test("a vendor publishes to it, and what it published is there after a restart, which takes nothing down with it", async () => {
      const token = await readFile(join(folder, "keys/operator.token"), "utf8");
      const stores = openStores(dynamoSdk(peers[0]));
      const cast = await gatherCast({ url: url(), token, stores }, folder);
      const sample = await buildSample(join(folder, "sample"));
      const patch = await takeNextVersion(sample, stores);
      await cast.publish(sample.folder);
      await until("the patch is live", async () => (await livePatch(stores)) === patch);
      expect(await cast.enrol(join(folder, "agent"))).toMatch(/^m-/);

      const ended = once(server, "exit");
      server.kill("SIGTERM");
      expect((await ended)[0]).toBe(0);
      await start();
      expect((await fetch(`${url()}/tuf/acme/timestamp.json`)).status).toBe(200);
      expect((await fetch(`${url()}/tuf/acme/2.root.json`)).status).toBe(404);
    });

    test("what it is told wrongly it says, and does not start", async () => {
      const child = spawnBound(process.execPath, ["--import", "tsx", "infra/server/main.ts"], {
        cwd: root,
        output: "pipe",
        env: { PATH: process.env.PATH ?? "" },
      });
      let said = "";
      child.stderr?.on("data", (chunk) => (said += String(chunk)));
      const [code] = await once(child, "close");
      expect(code).toBe(1);
      expect(said).toContain("SUTURE_KEYS");
    });
  },
);
