import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort, spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { nodeImage } from "../support/node-image.ts";
import { describeWithPeer, dynamoDbLocal, versityS3 } from "../support/peers.ts";
import { serverEnvironment, serverPeers, untilPublic } from "../support/server.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const image = "localhost/suture-under-test";

await describeWithPeer("the service as an image", [dynamoDbLocal, versityS3, nodeImage], () => {
  let container: string;
  let peers: Awaited<ReturnType<typeof serverPeers>>;
  beforeAll(async () => {
    await nodeImage.load();
    const options = ["--isolation", "chroot", "--network", "host", "--pull=never", "--tag", image];
    await run("buildah", ["build", ...options, "--file", "infra/server/Containerfile", "."], { cwd: root });
    container = (await run("buildah", ["from", "--pull-never", image])).stdout.trim();
    peers = await serverPeers();
  }, 900_000);
  afterAll(async () => {
    await peers?.stop();
    if (container !== undefined) await run("buildah", ["rm", container]);
    await run("buildah", ["rmi", "--force", image]);
  });

  test("what the Containerfile builds starts as nobody in particular, and serves its repository", async () => {
    const port = await freePort();
    const env = Object.entries(serverEnvironment(peers, { port, keys: "/var/lib/suture" }));
    const { stdout } = await run("buildah", ["inspect", image]);
    const { config } = (JSON.parse(stdout) as { OCIv1: { config: { Cmd: string[]; User: string } } }).OCIv1;
    expect(config.User).toBe("node");
    const options = [
      "--isolation",
      "chroot",
      "--network",
      "host",
      ...env.flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    ];
    const server = spawnBound("buildah", ["run", ...options, container, "--", ...config.Cmd], { output: "pipe" });
    await untilPublic(`http://127.0.0.1:${port}`, server);
    await stopBound(server);
  }, 120_000);
});
