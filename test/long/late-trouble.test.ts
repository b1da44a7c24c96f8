import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readlink, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { startStack } from "../../infra/local/stack.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const id = "example/hello/edge/limit@1";
const customer = "initech";
const patient = { timeout: 120_000, interval: 500 };

let folder: string;
let stack: Awaited<ReturnType<typeof startStack>>;
const processes: ReturnType<typeof spawnBound>[] = [];

const program = `
#include <unistd.h>
volatile int last;
__attribute__((noipa)) int limit(int n) { return n * 1000; }
int main(void) { for (int i = 1;; i++) { last = limit(i); usleep(20000); } }`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "suture-late-"));
  stack = await startStack({ dataDir: join(folder, "data"), port: 0, pollSeconds: 900, log: () => undefined });
});
afterAll(async () => {
  for (const each of processes.reverse()) await stopBound(each);
  const left = await pidOfHello();
  if (left !== 0) process.kill(left);
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = () => ({
  ...process.env,
  HOME: folder,
  SUTURE_SERVICE: stack.url,
  SUTURE_AGENT_CONFIG: join(folder, "etc"),
});
async function suture(args: readonly string[], token = stack.token) {
  const own = { ...env(), SUTURE_TOKEN: token };
  const { stdout } = await run(process.execPath, [join(root, "cli/main.ts"), ...args, "--json"], { env: own });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}
const agentArguments = (...args: string[]) => [join(root, "agent/main.ts"), ...args, "--state", join(folder, "state")];
const onMachine = async () => (await suture(["machines", "--customer", customer])).machines[0]?.patches[0];

/** The one process that runs the program now; 0 where there is none. */
async function pidOfHello(): Promise<number> {
  for (const name of await readdir("/proc")) {
    const executable = /^\d+$/.test(name) ? await readlink(`/proc/${name}/exe`).catch(() => "") : "";
    if (executable === join(folder, "hello")) return Number(name);
  }
  return 0;
}

it("a daemon that crashes again and again long after it was patched fails the patch, halts its rollout and has it undone", async () => {
  await mkdir(join(folder, "patch"));
  await writeFile(join(folder, "hello.c"), program);
  await writeFile(join(folder, "fix.c"), "int limit_fixed(int n) { return n > 3 ? 3 : n; }\n");
  const cc = process.env.CC ?? "cc";
  await run(cc, ["-O2", "-g", "-Wl,--build-id", "-o", join(folder, "hello"), join(folder, "hello.c")]);
  await run(cc, ["-O2", "-fPIC", "-shared", "-nostdlib", "-o", join(folder, "patch/fix.so"), join(folder, "fix.c")]);
  await copyFile(join(folder, "hello"), join(folder, "patch/hello"));
  // What keeps a daemon up: it starts it anew whenever it ends
  processes.push(spawnBound("/bin/sh", ["-c", `while :; do ${join(folder, "hello")}; sleep 0.2; done`]));
  const startedAt = Date.now();

  const functions = [{ name: "limit", replacement: "limit_fixed" }];
  const variants = [{ engine: "elf", match: { binary: "hello" }, payload: "fix.so", functions }];
  const source = { product: "hello", patch: "limit", version: 1, title: "Keep it small", severity: "high", variants };
  await writeFile(join(folder, "patch/patch.json"), JSON.stringify({ ...source, health: { windowSeconds: 1 } }));
  await writeFile(join(folder, "policy.json"), JSON.stringify({ policy: { onHalt: "undo" } }));
  await suture(["vendor", "init", "example", "--product", "hello"]);
  await suture(["customer", "create", customer]);
  const { token: owner } = await suture(["token", "create", "--customer", customer, "--api", "--role", "owner"]);
  await suture(["policy", "set", "all", join(folder, "policy.json"), "--customer", customer], owner);
  await suture(["customer", "subscribe", customer, "example/hello/edge"]);
  await suture(["publish", join(folder, "patch"), "--vendor", "example"]);
  const { token } = await suture(["token", "create", "--customer", customer]);
  await writeFile(join(folder, "token"), String(token), { mode: 0o600 });
  const enrolling = ["enroll", "--server", stack.url, "--token-file", join(folder, "token")];
  await run(process.execPath, agentArguments(...enrolling), { env: env() });
  const agent = spawnBound(process.execPath, agentArguments("run", "--poll-every", "1"), { env: env() });
  processes.push(agent);
  await expect.poll(onMachine, patient).toMatchObject({ state: "applied" });

  // It runs steadily with the patch, and only then begins to crash
  await sleep(Math.max(0, startedAt + 65_000 - Date.now()));
  for (let crashes = 0; (await onMachine()).trouble === undefined; crashes++) {
    expect(crashes).toBeLessThan(40);
    const pid = await pidOfHello();
    if (pid !== 0) process.kill(pid, "SIGSEGV");
    await sleep(2_500);
  }
  expect((await onMachine()).trouble).toMatchObject({ kind: "crash-loop" });
  await expect.poll(onMachine, patient).toMatchObject({ state: "undone" });
  const review = await suture(["rollout", "show", id, "--customer", customer]);
  expect(review).toMatchObject({
    state: "halted",
    undoing: true,
    machines: { failed: 1, causes: { "crash-loop": 1 } },
  });
  const { machines } = await suture(["machines", "--customer", customer]);
  const why = await suture(["explain", machines[0].machine, id, "--customer", customer]);
  expect(why).toMatchObject({ verdict: "rollout-halted", trouble: { kind: "crash-loop" } });
}, 400_000);
