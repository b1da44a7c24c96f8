import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { releasesFolder } from "../../agent/update/folder.ts";
import { makeLauncher, makeRelease, makeReleaseTarball } from "../support/agent/release.ts";
import { startWholeService, type WholeService } from "../support/whole/service.ts";

const run = promisify(execFile);
const patience = 40_000;
let service: WholeService;
let packaged: string;
const children = new Set<ChildProcess>();
beforeAll(async () => {
  service = await startWholeService();
  packaged = join(service.directory, "package");
  await makeRelease(packaged, "0.1.0");
  // Before any machine asks: the service reads anew what is released once a minute
  await release("0.2.0", ["--early-after", "0", "--all-after", "0"]);
  const breaksAtOnce = 'process.stderr.write("no such module"); process.exit(3);';
  await release("0.3.0", ["--early-after", "0", "--all-after", "2000"], breaksAtOnce);
  const breaksLater =
    'if (!process.env.SUTURE_TRIAL) require("node:http").request = () => { throw new TypeError("no http"); };';
  await release("0.4.0", ["--early-after", "2000", "--all-after", "2000"], breaksLater);
  await until(async () => (await publicVersion()) === 3);
  const { token } = await service.suture(["token", "create", "--customer", "globex", "--portal", "--role", "operator"]);
  for (const ring of ["early", "canary"]) {
    const file = join(service.directory, `${ring}.json`);
    await writeFile(file, JSON.stringify({ group: ring, policy: { agent: ring } }));
    await service.suture(["policy", "set", ring, file, "--customer", "globex"], { SUTURE_TOKEN: token });
  }
});
afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await service.stop();
});

/** Releases a version. @param before what its program does first */
async function release(version: string, rings: readonly string[], before?: string): Promise<void> {
  const tarball = await makeReleaseTarball(service.directory, version, before);
  const keys = join(service.directory, "service/keys/service");
  const args = ["publish", version, "--x86-64", tarball, "--keys", keys, ...rings];
  expect(await service.suture(["service", "release", ...args])).toMatchObject({ submitted: true });
}

/** The version of the role `agent` that everybody can read. */
async function publicVersion(): Promise<number> {
  const read = async (name: string) =>
    JSON.parse(Buffer.from((await service.stack.blobs.get(`tuf/service/${name}`))?.bytes ?? "").toString());
  const { signed: timestamp } = await read("timestamp.json");
  const { signed: snapshot } = await read(`${timestamp.meta["snapshot.json"].version}.snapshot.json`);
  return snapshot.meta["agent.json"]?.version ?? 0;
}

/** An enrolled host with the package of the agent, and the launcher that packages bring. */
async function newHost(name: string, group = "default") {
  const folder = join(service.directory, name);
  const releases = join(folder, "releases-of-agent");
  await mkdir(join(folder, "etc"), { recursive: true });
  await writeFile(join(folder, "etc/agent.toml"), `state = "${folder}/state"\n`, {
    mode: 0o644,
  });
  const launcher = join(folder, "suture-agent");
  await makeLauncher(launcher, { package: packaged, releases });
  const { token } = await service.suture(["token", "create", "--customer", "globex", "--group", group]);
  const config = ["--config", join(folder, "etc")];
  const agent = async (...args: string[]) => {
    const answer = await run(launcher, [...args, ...config, "--json"], {
      env: { ...process.env, SUTURE_ENROLMENT_TOKEN: token },
    }).catch((error: { stdout: string }) => error);
    return JSON.parse(answer.stdout);
  };
  await agent("enroll", "--server", service.stack.url);
  const { machine } = JSON.parse(readFileSync(join(folder, "state/identity.json"), "utf8"));
  return {
    agent,
    /** what the launcher starts now */
    version: () => basename(releasesFolder(releases).current() ?? "the package"),
    record: () => {
      const file = join(releases, "update.json");
      return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
    },
    /** what the service knows of it */
    async seen() {
      const { machines } = await service.suture(["machines", "--customer", "globex"]);
      return machines.find((each: { machine: string }) => each.machine === machine);
    },
    stay() {
      const child = spawn(launcher, ["run", "--json", "--poll-every", "1", ...config], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.add(child);
      const ended = once(child, "exit");
      const events: Record<string, unknown>[] = [];
      let rest = "";
      child.stdout.on("data", (chunk: Buffer) => {
        const lines = (rest + chunk.toString("utf8")).split("\n");
        rest = lines.pop() ?? "";
        events.push(...lines.map((line) => JSON.parse(line)));
      });
      return { child, events, ended };
    },
  };
}

async function until(
  what: () => boolean | Promise<boolean>,
  each: () => Promise<unknown> = () => sleep(100),
): Promise<void> {
  for (const deadline = Date.now() + patience; !(await what()); await each())
    if (Date.now() > deadline) throw new Error("It did not come to that");
}

it("a timer's agent changes to the release that its ring may have, and is known by it", async () => {
  const host = await newHost("timer");
  await host.agent("once", "--check-in");
  expect(host.version()).toBe("0.2.0");
  expect(await host.agent("once")).toMatchObject({ ok: true });
  expect(await host.seen()).toMatchObject({ agent: "0.2.0" });
  expect(host.record()).toMatchObject({ probation: null, failed: [] });
});

it("a release that cannot report is given up after its trial, told to the service, and not tried again", async () => {
  const host = await newHost("early", "early");
  await host.agent("once", "--check-in");
  expect(host.record().failed).toMatchObject([{ version: "0.3.0", why: expect.stringContaining("no such module") }]);
  await host.agent("once", "--check-in");
  expect(host.version()).toBe("the package");
  const { failedUpdate } = await host.seen();
  expect(failedUpdate).toMatchObject({ version: "0.3.0" });
});

it("an agent that stays goes on as the new release, in the same process", async () => {
  const host = await newHost("resident");
  const { child, events, ended } = host.stay();
  await until(async () => (await host.seen())?.agent === "0.2.0");
  await until(() => host.record().probation === null);
  expect(events.filter(({ event }) => event === "agent-update").map(({ step }) => step)).toEqual(["staged", "started"]);
  expect(events.filter(({ event }) => event === "started")).toHaveLength(2);
  expect(readFileSync(`/proc/${child.pid}/cmdline`, "utf8")).toContain("0.2.0");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

it("a release that passes its trial and can do no round after it is taken back, and the service is told", async () => {
  const host = await newHost("canary", "canary");
  await host.agent("once", "--check-in");
  expect(host.version()).toBe("0.4.0");
  await until(
    () => host.version() === "the package",
    () => host.agent("once"),
  );
  await host.agent("once", "--check-in");
  expect((await host.seen()).failedUpdate).toMatchObject({ version: "0.4.0" });
});

it("an agent that is killed at whatever moment of an update ends in the old release or the new one, and gets there", async () => {
  const host = await newHost("killed");
  for (let after = 200; after < 4_000 && host.version() !== "0.2.0"; after += 300) {
    const { child, ended } = host.stay();
    await sleep(after);
    // What it tried may go on without it, and keep the next one off for a moment: that ends by itself
    child.kill("SIGKILL");
    await ended;
    expect(["the package", "0.2.0"]).toContain(host.version());
  }
  await until(
    async () => (await host.seen())?.agent === "0.2.0",
    () => host.agent("once", "--check-in"),
  );
  await until(
    () => host.record().probation === null,
    () => host.agent("once"),
  );
  expect(host.record().failed).toEqual([]);
});
