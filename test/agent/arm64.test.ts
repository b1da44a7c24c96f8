import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packageAgent } from "../support/agent/package.ts";
import { describeWithPeer, peerCache } from "../support/peers.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";

const run = promisify(execFile);
const emulator = "qemu-aarch64-static";

/** The libraries that Node for arm64 asks of its host: Debian's, unpacked and not run. */
const libraries = {
  needs: ["mmdebstrap", emulator],
  made: join(peerCache, "arm64-libraries"),
  async make(): Promise<void> {
    const begun = `${libraries.made}.new`;
    await rm(begun, { recursive: true, force: true });
    const late = '--aptopt=Acquire::Check-Valid-Until "false"';
    const what = ["--variant=extract", "--format=directory", "--architectures=arm64", "--include=libstdc++6", late];
    await run("mmdebstrap", [...what, "stable", begun]);
    await symlink("usr/lib", join(begun, "lib"));
    await rename(begun, libraries.made);
  },
};

await describeWithPeer("the agent for arm64, by an emulated processor", libraries, () => {
  let work: string;
  let release: string;
  let service: WholeService;
  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), "suture-arm64-"));
    packageAgent(work, { arch: "arm64", formats: ["tar"] });
    const [tarball = ""] = (await readdir(work)).filter((name) => name.endsWith("-linux-arm64.tar.gz"));
    await run("tar", ["-xzf", join(work, tarball), "-C", work]);
    release = join(work, "usr/lib/suture-agent");
    await mkdir(join(work, "config"));
    service = await startWholeService();
  }, 300_000);
  afterAll(async () => {
    await service?.stop();
    await rm(work, { recursive: true, force: true });
  });

  const node = async (...args: readonly string[]) => {
    const { stdout } = await run(emulator, ["-L", libraries.made, join(release, "node"), ...args], {
      env: { ...process.env, NODE_OPTIONS: "" },
    }).catch((error: { stdout?: string }) => {
      // Where something needs attention the answer is on the standard output all the same
      if (error.stdout === undefined || error.stdout === "") throw error;
      return { stdout: error.stdout };
    });
    return stdout.trim();
  };
  const agent = async (...args: readonly string[]) => {
    const places = ["--state", join(work, "state"), "--config", join(work, "config"), "--json"];
    return JSON.parse((await node(join(release, "agent.cjs"), ...args, ...places)).split("\n").at(-1) ?? "");
  };

  test("it says which it is, enrols, has a plan, and reports", async () => {
    expect(await node(join(release, "agent.cjs"), "--version")).toBe("0.9.0");
    const token = join(work, "token");
    const made = await service.suture(["token", "create", "--customer", "globex"]);
    await writeFile(token, String(made.token), { mode: 0o600 });
    const { machine } = await agent("enroll", "--server", service.stack.url, "--token-file", token);
    expect(await agent("once")).toMatchObject({ round: "plan" });
    expect(await agent("status")).toMatchObject({ machine, patches: [] });
  }, 300_000);

  test("the engine for programs says that it is for another processor, and its native part can be loaded", async () => {
    const { checks } = await agent("doctor");
    expect(checks).toContainEqual({
      name: "engine elf",
      ok: false,
      detail: "the elf engine works on x86-64 Linux; this is arm64 linux",
      optional: false,
    });
    const koffi = JSON.stringify(join(release, "node_modules/koffi"));
    const call = `require(${koffi}).load("libc.so.6").func("int toupper(int)")(97)`;
    expect(await node("--print", call)).toBe("65");
  }, 300_000);
});
