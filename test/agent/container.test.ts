import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { debian } from "../support/agent/debian-root.ts";
import { limitPatch, publishLimit, startLimited } from "../support/agent/limited.ts";
import { packageAgent } from "../support/agent/package.ts";
import { describeWithPeer } from "../support/peers.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const base = "docker.io/library/debian:stable-slim";
const image = "localhost/suture-agent-under-test";
/** The host's processes and network, as with --pid=host --network=host; runs where podman's runtime has no cgroups of its own. */
const asHost = ["--isolation", "chroot", "--network", "host"];
/** Of --privileged what patching a process takes. */
const capabilities = ["SYS_PTRACE", "NET_ADMIN", "SYS_NICE", "DAC_READ_SEARCH"].flatMap((name) => [
  "--cap-add",
  `CAP_${name}`,
]);

await describeWithPeer("the agent as an image", { ...debian, needs: [...debian.needs, "buildah"] }, () => {
  let work: string;
  let service: WholeService;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "suture-container-"));
    packageAgent(join(work, "packages"), { formats: ["deb"] });
    await haveBase();
    const [deb = ""] = (await readdir(join(work, "packages"))).filter((name) => name.endsWith(".deb"));
    const context = join(work, "packages");
    const file = join(root, "agent/deploy/container/Containerfile");
    const options = [...asHost, "--pull=never", "--tag", image, "--build-arg", `DEB=${deb}`, "--file", file];
    await run("buildah", ["build", ...options, context]);
    service = await startWholeService();
    await publishLimit(service, work);
  }, 900_000);
  afterAll(async () => {
    await service?.stop();
    await run("buildah", ["rmi", "--force", image]);
    await rm(work, { recursive: true, force: true });
  });

  /** The registry's Debian, or where none answers the fresh one that tests install packages on. */
  async function haveBase(): Promise<void> {
    try {
      await run("buildah", ["pull", "--quiet", base], { timeout: 60_000 });
    } catch {
      const container = (await run("buildah", ["from", "scratch"])).stdout.trim();
      await run("buildah", ["add", container, debian.made, "/"]);
      await run("buildah", ["commit", "--rm", container, base]);
    }
  }

  test("a container that sees the host's processes and may trace them patches one of the host's", async () => {
    const state = join(work, "state");
    await mkdir(state, { mode: 0o700 });
    const { token } = await service.suture(["token", "create", "--customer", "globex"]);
    await writeFile(join(state, "token"), String(token), { mode: 0o600 });
    const container = (await run("buildah", ["from", "--pull-never", image])).stdout.trim();
    const target = startLimited(work);
    const options = [...asHost, ...capabilities, "--volume", `${state}:/var/lib/suture`, container];
    const agent = async (...args: string[]) => {
      const { stdout } = await run("buildah", ["run", ...options, "--", "/usr/bin/suture-agent", ...args, "--json"]);
      return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
    };
    try {
      await agent("enroll", "--server", service.stack.url, "--token-file", "/var/lib/suture/token");
      expect(Number(target.printed())).toBeGreaterThan(3);
      await agent("once");
      await expect.poll(target.printed, { timeout: 20_000 }).toBe("3");
      expect(await agent("status")).toMatchObject({ patches: [{ patch: limitPatch, state: "applied" }] });
    } finally {
      await target.stop();
      await run("buildah", ["rm", container]);
    }
  }, 300_000);

  test("the image starts the agent that stays", async () => {
    const { stdout } = await run("buildah", ["inspect", image]);
    const { config } = (JSON.parse(stdout) as { OCIv1: { config: { Cmd: string[]; Entrypoint: string[] } } }).OCIv1;
    expect([...config.Entrypoint, ...config.Cmd]).toEqual(["/usr/bin/suture-agent", "run", "--json"]);
  });
});
