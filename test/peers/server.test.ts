import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dynamoSdk } from "../../functions/stores/dynamo-sdk.ts";
import { freePort, spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { gatherCast } from "../../infra/local/demo/cast.ts";
import { buildSample, livePatch, takeNextVersion } from "../../infra/local/demo/sample-patch.ts";
import { until } from "../../infra/local/demo/scene.ts";
import { openStores } from "../../infra/local/stores.ts";
import { describeWithPeer, dynamoDbLocal, versityS3 } from "../support/peers.ts";
import { serverEnvironment, serverPeers, untilPublic } from "../support/server.ts";

const root = join(import.meta.dirname, "../..");

await describeWithPeer(
  "the service as one process, over DynamoDB Local and an S3 server",
  [dynamoDbLocal, versityS3],
  () => {
    let folder: string;
    let peers: Awaited<ReturnType<typeof serverPeers>>;
    let port: number;
    let server: ReturnType<typeof spawnBound>;
    const url = () => `http://127.0.0.1:${port}`;

    /** As the unit does it. */
    const start = async () => {
      const unit = await readFile(join(root, "infra/server/suture.service"), "utf8");
      const [program = "", ...args] =
        /^ExecStart=(.+)$/m.exec(unit)?.[1]?.replace("/opt/suture", root).split(" ") ?? [];
      server = spawnBound(program, args, {
        cwd: root,
        output: "pipe",
        env: { PATH: process.env.PATH ?? "", ...serverEnvironment(peers, { port, keys: join(folder, "keys") }) },
      });
      await untilPublic(url(), server);
    };
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "suture-server-"));
      peers = await serverPeers();
      port = await freePort();
      await start();
    });
    afterAll(async () => {
      await stopBound(server);
      await peers.stop();
      await rm(folder, { recursive: true, force: true });
    });

    test("a vendor publishes to it, and what it published is there after a restart, which takes nothing down with it", async () => {
      const token = await readFile(join(folder, "keys/operator.token"), "utf8");
      const stores = openStores(dynamoSdk(peers.dynamo));
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
