import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { type DebianRoot, debian, makeDebianRoot } from "../support/agent/debian-root.ts";
import { limitPatch, publishLimit, startLimited } from "../support/agent/limited.ts";
import { packageAgent } from "../support/agent/package.ts";
import { describeWithPeer } from "../support/peers.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";
import { serveStatic } from "../support/whole/static-files.ts";

await describeWithPeer("the agent's packages on a fresh Debian", debian, () => {
  let work: string;
  let service: WholeService;
  let packages: Awaited<ReturnType<typeof serveStatic>>;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "suture-lifecycle-"));
    packageAgent(join(work, "old"), { version: "0.9.0" });
    packageAgent(join(work, "new"), { version: "0.9.1", formats: ["deb", "rpm", "tar"] });
    packages = await serveStatic(0, { "/old/": join(work, "old"), "/new/": join(work, "new") });
    service = await startWholeService();
    await publishLimit(service, work);
  }, 900_000);
  afterAll(async () => {
    await service?.stop();
    await packages?.stop();
    await rm(work, { recursive: true, force: true });
  });

  let host: DebianRoot;
  let target: ReturnType<typeof startLimited>;
  beforeEach(async () => {
    host = await makeDebianRoot();
    target = startLimited(work);
  }, 120_000);
  afterEach(async () => {
    await target.stop();
    await host.remove();
  });

  /** The install script of a release, as `curl … | sh` would have it, without its token in the arguments. */
  async function install(release: string, ...options: readonly string[]): Promise<string> {
    await copyFile(join(work, release, "install.sh"), join(host.folder, "root/install.sh"));
    return await host.must("sh", "/root/install.sh", "--from", `${packages.url}/${release}`, ...options);
  }

  async function giveToken(): Promise<void> {
    const { token } = await service.suture(["token", "create", "--customer", "globex"]);
    await writeFile(join(host.folder, "root/token"), String(token), { mode: 0o600 });
  }
  const enrolling = () => ["--server", service.stack.url, "--token-file", "/root/token"];
  const status = async () => JSON.parse(await host.must("suture-agent", "status", "--json"));
  const isPatched = () => expect.poll(target.printed, { timeout: 20_000 }).toBe("3");

  describe.each(["deb", "tar"])("%s", (format) => {
    test("is installed from one command, patches a process, is killed, upgraded, removed and purged, and nothing of it remains", async () => {
      const before = await host.files();
      await giveToken();

      const would = await install("old", "--format", format, "--dry-run", ...enrolling());
      expect(would).toContain("would run: suture-agent enroll");
      expect(await host.files()).toEqual(before);

      const said = await install("old", "--format", format, ...enrolling());
      expect(said).toContain("is what was signed");
      expect(said).toContain("Enrolled as");
      expect(await host.must("suture-agent", "--version")).toBe("0.9.0\n");
      expect(Number(target.printed())).toBeGreaterThan(3);
      await host.must("suture-agent", "once");
      await isPatched();
      const { machine, ...first } = await status();
      expect(first).toMatchObject({ patches: [{ patch: limitPatch, state: "applied" }] });

      await kill(await started());
      await stopBound(await started());
      expect(await status()).toMatchObject({ machine, patches: [{ patch: limitPatch, state: "applied" }] });
      await isPatched();

      await appendFile(join(host.folder, "etc/suture/agent.toml"), "\n# the administrator was here\n");
      await mkdir(join(host.folder, "var/lib/suture-agent/releases"), { recursive: true });
      await host.must("ln", "-s", "releases/0.8.0", "/var/lib/suture-agent/current");
      expect(await install("new", "--format", format)).not.toContain("Enrolled as");
      expect(await host.must("suture-agent", "--version")).toBe("0.9.1\n");
      expect(await readFile(join(host.folder, "etc/suture/agent.toml"), "utf8")).toContain("administrator was here");
      expect(await host.files()).not.toContainEqual(expect.stringContaining("suture-agent/current"));
      expect(await status()).toMatchObject({ machine, patches: [{ patch: limitPatch, state: "applied" }] });
      await stopBound(await started());

      await install("new", "--uninstall");
      expect(await host.files()).not.toContainEqual(expect.stringContaining("usr/lib/suture-agent"));
      expect(await host.files()).toContainEqual(expect.stringContaining("var/lib/suture/identity.json"));
      await isPatched();
      await install("new", "--format", format);
      expect(await status()).toMatchObject({ machine, patches: [{ patch: limitPatch, state: "applied" }] });

      await host.must("suture-agent", "unenroll");
      await install("new", "--uninstall", "--purge");
      expect(await host.files()).toEqual(before);
    }, 600_000);
  });

  /** A resident agent that has begun its work. */
  async function started() {
    const agent = host.start("suture-agent", "run", "--json");
    for await (const chunk of agent.stdout ?? []) if (String(chunk).includes('"started"')) break;
    agent.stdout?.resume();
    agent.stderr?.resume();
    return agent;
  }

  async function kill(agent: ReturnType<typeof spawnBound>): Promise<void> {
    const gone = once(agent, "exit");
    agent.kill("SIGKILL");
    await gone;
  }

  test("what was changed on its way, or signed by somebody else, is not installed", async () => {
    const before = await host.files();
    const bad = join(work, "bad");
    await mkdir(bad);
    const names = ["SHA256SUMS", "SHA256SUMS.sig", "install.sh", "suture-agent_0.9.0_amd64.deb"];
    for (const name of names) await copyFile(join(work, "old", name), join(bad, name));
    await mkdir(join(host.folder, "packages"));
    const tryIt = async () => {
      for (const name of names) await copyFile(join(bad, name), join(host.folder, "packages", name));
      return await host.must("sh", "/packages/install.sh", "--from", "/packages");
    };

    await appendFile(join(bad, "suture-agent_0.9.0_amd64.deb"), "more");
    await expect(tryIt()).rejects.toThrow("is not what SHA256SUMS says: nothing was installed");
    await appendFile(join(bad, "SHA256SUMS"), "more");
    await expect(tryIt()).rejects.toThrow("not signed by the key that this script knows");
    await expect(install("old", "--token", "secret")).rejects.toThrow("can be read by every user");
    await rm(join(host.folder, "packages"), { recursive: true });
    expect(await host.files()).toEqual(before);
  }, 120_000);

  test("the rpm puts the same files in place, is upgraded, and takes them away", async () => {
    const rpm = (...args: readonly string[]) =>
      execFileSync("rpm", ["--root", host.folder, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
    const before = await host.files();
    rpm("--install", "--nodeps", join(work, "old/suture-agent-0.9.0-1.x86_64.rpm"));
    expect(await host.must("suture-agent", "--version")).toBe("0.9.0\n");
    expect(await host.must("systemctl", "is-enabled", "suture-agent.service")).toBe("enabled\n");
    rpm("--upgrade", "--nodeps", join(work, "new/suture-agent-0.9.1-1.x86_64.rpm"));
    expect(await host.must("suture-agent", "--version")).toBe("0.9.1\n");
    expect(rpm("--verify", "--nodeps", "suture-agent")).toBe("");
    rpm("--erase", "suture-agent");
    await rm(join(host.folder, "var/lib/rpm"), { recursive: true, force: true });
    await rm(join(host.folder, "usr/lib/sysimage"), { recursive: true, force: true });
    expect(await host.files()).toEqual(before);
  }, 300_000);

  test("the single file unpacks itself once and is the same agent", async () => {
    await copyFile(join(work, "old/suture-agent-0.9.0-linux-x64.run"), join(host.folder, "root/agent"));
    await host.must("chmod", "+x", "/root/agent");
    expect(await host.must("/root/agent", "--version")).toBe("0.9.0\n");
    await giveToken();
    await host.must("/root/agent", "enroll", ...enrolling());
    await host.must("/root/agent", "once");
    await isPatched();
    expect(await host.must("sh", "-c", "ls /var/lib/suture-agent/single-file | wc -l")).toBe("1\n");
  }, 300_000);
});
