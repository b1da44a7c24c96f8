import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { startStack } from "../../infra/local/stack.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const customer = "initech";
const patient = { timeout: 60_000, interval: 300 };

let folder: string;
let stack: Awaited<ReturnType<typeof startStack>>;
const agents = new Map<string, ReturnType<typeof spawnBound>>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "suture-image-"));
  stack = await startStack({ dataDir: join(folder, "data"), port: 0, pollSeconds: 900, log: () => undefined });
});
afterAll(async () => {
  for (const each of agents.values()) await stopBound(each);
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = () => ({ ...process.env, HOME: folder, SUTURE_SERVICE: stack.url, SUTURE_TOKEN: stack.token });
async function ours(entry: string, args: readonly string[]) {
  const done = run(process.execPath, [join(root, entry), ...args, "--json"], { env: env() });
  const { stdout } = await done.catch((error: unknown) => error as { stdout: string });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}
const suture = (...args: string[]) => ours("cli/main.ts", args);
const agent = (host: string, ...args: string[]) => ours("agent/main.ts", [...args, "--state", join(folder, host)]);
const machines = async () =>
  (await suture("machines", "--customer", customer, "--retired")).machines as { machine: string; liveness: string }[];
const start = (host: string) =>
  agents.set(
    host,
    spawnBound(process.execPath, [join(root, "agent/main.ts"), "run", "--state", join(folder, host)], { env: env() }),
  );

it("hosts of an image enrol themselves, each as its own machine, and the ephemeral ones retire when they are asked to stop", async () => {
  await suture("customer", "create", customer);
  const { token } = await suture("token", "create", "--customer", customer, "--uses", "3", "--ephemeral");
  await writeFile(join(folder, "token"), String(token), { mode: 0o600 });
  const enrolling = ["--server", stack.url, "--token-file", join(folder, "token")];

  // The host on which the image is made is a machine itself, and works
  await agent("golden", "enroll", ...enrolling);
  start("golden");
  await expect.poll(async () => (await agent("golden", "status")).running, patient).toBe(true);
  expect(await agent("golden", "image", "prepare", ...enrolling)).toMatchObject({ error: { code: "busy-agent" } });
  const prepared = await agent("golden", "image", "prepare", ...enrolling, "--ephemeral", "--stop-agent");
  expect(prepared).toMatchObject({ enrols: true, ephemeral: true });
  expect((await readdir(join(folder, "golden"))).sort()).toEqual(["image.json"]);
  expect(await machines()).toMatchObject([{ machine: prepared.machine, liveness: "retired" }]);

  for (const host of ["one", "two"]) {
    await cp(join(folder, "golden"), join(folder, host), { recursive: true });
    start(host);
  }
  const live = async () => (await machines()).filter(({ liveness }) => liveness === "live");
  await expect.poll(async () => (await live()).length, patient).toBe(2);
  for (const host of ["one", "two"]) agents.get(host)?.kill("SIGTERM");
  await expect.poll(async () => (await live()).length, patient).toBe(0);
  expect(new Set((await machines()).map(({ machine }) => machine)).size).toBe(3);

  // One that comes back is welcome, and leaves for good
  await agent("one", "once", "--check-in");
  expect(await live()).toHaveLength(1);
  expect(await agent("one", "unenroll")).toMatchObject({ customer, retired: true, patches: [] });
  expect(await live()).toHaveLength(0);
  expect(await agent("one", "status")).toMatchObject({ error: { code: "not-enrolled" } });
  await suture("machine", "retire", (await agent("two", "status")).machine, "--customer", customer);
  expect(await agent("two", "once", "--check-in")).toMatchObject({ error: { code: "retired" } });
});
