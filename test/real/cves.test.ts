import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack } from "../../infra/local/stack.ts";
import { describeError } from "../../protocol/errors.ts";
import { type Builds, projects, type Running } from "./projects.ts";

const root = join(import.meta.dirname, "../..");
const minutes = 60_000;
const built: string[] = [];
let folder: string;
let stack: Awaited<ReturnType<typeof startStack>>;
let token: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "suture-real-"));
  await mkdir(join(folder, "home"));
  stack = await startStack({ dataDir: join(folder, "data"), port: 0, pollSeconds: 900, log: () => undefined });
  await suture("vendor", "init", "debian", "--product", "twelve");
  await suture("customer", "create", "initech");
  await suture("customer", "subscribe", "initech", "debian/twelve/edge");
  token = String((await suture("token", "create", "--customer", "initech", "--uses", "9")).token);
});
afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ours(entry: string, ...args: string[]): Promise<Record<string, unknown>> {
  const env = { ...process.env, HOME: join(folder, "home"), SUTURE_SERVICE: stack.url, SUTURE_TOKEN: stack.token };
  const work = promisify(execFile)(process.execPath, [join(root, entry), ...args, "--json"], { env });
  const { stdout } = await work.catch((error: unknown) => error as { stdout: string });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}
const suture = (...args: string[]) => ours("cli/main.ts", ...args);

/** Asks for an honest answer again and again; says at the end whether every one came. */
function keepAsking(server: Running): { stop(): Promise<boolean> } {
  let isWanted = true;
  const asking = (async () => {
    let isWell = true;
    while (isWanted) {
      isWell &&= await server.serves();
      await sleep(20);
    }
    return isWell;
  })();
  return {
    stop() {
      isWanted = false;
      return asking;
    },
  };
}

test.each(projects)(
  "$name is rid of $cve while it serves, from its own source to the running process, and has it again after undo",
  async ({ name, cve, build, start }) => {
    const here = join(folder, name);
    await mkdir(here);
    let builds: Builds;
    try {
      builds = build(here);
    } catch (error) {
      console.error(`${name} cannot be built here: ${describeError(error)}`);
      return;
    }
    built.push(name);
    const out = join(here, "patch");
    const about = ["--product", "twelve", "--patch", name, "--title", `Mend ${cve}`, "--severity", "critical"];
    const paths = ["--before", builds.before, "--after", builds.after, "--target", builds.target, "--out", out];
    expect(await suture("build", "elf", ...paths, ...about)).toMatchObject({ functions: expect.any(Array) });

    const server = await start(here, builds);
    const honest = keepAsking(server);
    try {
      const id = `debian/twelve/edge/${name}@1`;
      expect(await server.isVulnerable()).toBe(true);
      expect(await suture("publish", out, "--vendor", "debian")).toMatchObject({ patch: id });
      while ((await stack.stores.patches.get(id))?.state !== "live") await sleep(100);
      const state = ["--state", join(here, "state")];
      await writeFile(join(here, "token"), token, { mode: 0o600 });
      await ours("agent/main.ts", "enroll", "--server", stack.url, "--token-file", join(here, "token"), ...state);
      expect(await ours("agent/main.ts", "once", ...state)).toMatchObject({ ok: true });
      expect(await server.isVulnerable()).toBe(false);
      await ours("agent/main.ts", "undo", id, ...state);
      expect(await honest.stop()).toBe(true);
      expect(await server.isVulnerable()).toBe(true);
    } finally {
      await honest.stop();
      await server.stop();
    }
  },
  10 * minutes,
);

test("one of them could be built, or nothing above was shown", () => {
  expect(built).not.toEqual([]);
});
