import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { type DebianRoot, makeDebianRoot, workbench } from "../support/agent/debian-root.ts";
import { packageAgent } from "../support/agent/package.ts";
import { describeWithPeer } from "../support/peers.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";
import { serveStatic } from "../support/whole/static-files.ts";

const deploy = join(import.meta.dirname, "../../agent/deploy");

await describeWithPeer("the agent is deployed", workbench, () => {
  let work: string;
  let service: WholeService;
  let digest: string;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "suture-deploy-"));
    packageAgent(work, { formats: ["deb"] });
    digest = createHash("sha256")
      .update(await readFile(join(work, "install.sh")))
      .digest("hex");
    service = await startWholeService();
  }, 300_000);
  afterAll(async () => {
    await service?.stop();
    await rm(work, { recursive: true, force: true });
  });

  let host: DebianRoot;
  beforeEach(async () => {
    host = await makeDebianRoot(workbench);
  }, 120_000);
  afterEach(() => host?.remove());

  const newToken = async () => String((await service.suture(["token", "create", "--customer", "globex"])).token);
  const said = async (...args: readonly string[]) => JSON.parse(await host.must("suture-agent", ...args, "--json"));

  test("by Ansible: the role installs, configures and enrols, changes nothing the second time, and takes all of it away", async () => {
    await cp(join(deploy, "ansible"), join(host.folder, "root/ansible"), { recursive: true });
    await cp(work, join(host.folder, "packages"), { recursive: true });
    const before = await host.files();
    const decided = {
      suture_agent_packages: "/packages",
      suture_agent_install_sha256: digest,
      suture_agent_server: service.stack.url,
      suture_agent_token: await newToken(),
      suture_agent_config: { offline_plans: true },
    };
    await writeFile(join(host.folder, "root/suture.yml"), JSON.stringify(decided), { mode: 0o600 });
    const changes = async (...more: readonly string[]) => {
      const inventory = ["-i", "localhost,", "-c", "local", "-e", "@/root/suture.yml"];
      const recap = await host.must("ansible-playbook", "/root/ansible/site.yml", ...inventory, ...more);
      return Number(/changed=(\d+) .*failed=0/.exec(recap)?.[1]);
    };

    expect(await changes()).toBeGreaterThan(3);
    expect(await host.must("suture-agent", "--version")).toBe("0.9.0\n");
    expect(await said("status")).toMatchObject({ server: service.stack.url });
    expect((await said("config", "show")).values).toMatchObject({ offline_plans: { value: true } });
    expect(await changes()).toBe(0);
    expect(await changes("-e", "suture_agent_state=purged")).toBeGreaterThan(1);
    expect(await host.files()).toEqual(before);
  }, 300_000);

  test("by cloud-init: a host that starts from the snippet is enrolled, and its token is gone", async () => {
    const packages = await serveStatic(0, { "/": work });
    const filled: Readonly<Record<string, string>> = {
      packages: packages.url,
      install_sha256: digest,
      server: service.stack.url,
      token: await newToken(),
    };
    const snippet = await readFile(join(deploy, "cloud-init/suture-agent.yaml"), "utf8");
    const image = {
      datasource_list: ["None"],
      datasource: {
        None: { userdata_raw: snippet.replaceAll(/@(\w+)@/g, (all, name: string) => filled[name] ?? all) },
      },
      // What a cloud's image does besides reaches the machine that this root borrows from: its disks, its name, its network
      network: { config: "disabled" },
      cloud_init_modules: ["write_files"],
      cloud_config_modules: ["runcmd"],
      cloud_final_modules: ["scripts_user"],
      system_info: { distro: "debian" },
    };
    await writeFile(join(host.folder, "etc/cloud/cloud.cfg"), JSON.stringify(image));
    await host.must("cloud-init", "init");
    for (const stage of ["config", "final"]) await host.must("cloud-init", "modules", "--mode", stage);
    await packages.stop();
    expect(await said("status")).toMatchObject({ server: service.stack.url });
    await expect(readFile(join(host.folder, "root/suture-agent.token"))).rejects.toThrow("ENOENT");
  }, 300_000);
});
