import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ifReadable, listProcesses } from "../../agent/system/proc.ts";
import { spawnBound, stopBound } from "../../infra/local/bound-process.ts";
import { startStack } from "../../infra/local/stack.ts";
import { buildLimit } from "../support/agent/limited.ts";
import { makeRelease } from "../support/agent/release.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

let folder: string;
let stack: Awaited<ReturnType<typeof startStack>>;
let target: ReturnType<typeof spawnBound>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "suture-own-"));
  stack = await startStack({ dataDir: join(folder, "data"), port: 0, pollSeconds: 900, log: () => undefined });
});
afterAll(async () => {
  if (target) await stopBound(target);
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function ours(
  entry: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Record<string, unknown>> {
  const all = {
    ...process.env,
    HOME: join(folder, "home"),
    SUTURE_SERVICE: stack.url,
    SUTURE_TOKEN: stack.token,
    ...env,
  };
  const { stdout } = await run(process.execPath, [join(root, entry), ...args, "--json"], { env: all }).catch(
    (error: unknown) => error as { stdout: string },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
}
const suture = (...args: string[]) => ours("cli/main.ts", args);
const agent = (...args: string[]) => ours("agent/main.ts", [...args, "--state", join(folder, "state")]);

/** The newest number that the program printed after this call. */
async function newNumber(): Promise<number> {
  const before = (await stat(join(folder, "out.txt"))).size;
  for (;;) {
    const lines = (await readFile(join(folder, "out.txt"), "utf8")).slice(before).split("\n");
    if (lines.length > 3) return Number(lines.at(-2));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("a vendor with a patch of their own, and a subscriber, by the documented commands", () => {
  const id = "example/hello/edge/limit@1";

  it("bring the fix into a running process and those that its supervisor starts anew, keep it out where the host's administrator says so, and withdraw it", async () => {
    await mkdir(join(folder, "home"));
    await buildLimit(folder, "hello");
    // a supervisor, as small as one can be
    const supervisor = `while :; do ${join(folder, "hello")}; done > ${join(folder, "out.txt")}`;
    target = spawnBound("/bin/sh", ["-c", supervisor]);

    await suture("vendor", "init", "example", "--product", "hello");
    expect(await suture("publish", join(folder, "patch"), "--vendor", "example")).toMatchObject({ patch: id });
    await suture("customer", "create", "initech");
    await suture("customer", "subscribe", "initech", "example/hello/edge");
    const { token } = await suture("token", "create", "--customer", "initech");
    await writeFile(join(folder, "token"), String(token), { mode: 0o600 });
    await agent("enroll", "--server", stack.url, "--token-file", join(folder, "token"));

    await live("live");
    expect(await newNumber()).toBeGreaterThan(3);
    await agent("once");
    expect(await newNumber()).toBe(3);
    expect(await agent("status")).toMatchObject({ patches: [{ patch: id, state: "applied" }] });

    await withRunningAgent(async () => {
      await kill(join(folder, "hello"));
      // well before the half minute after which a running agent looks at the host by itself
      await expect.poll(newNumber, { timeout: 20_000 }).toBe(3);
    });

    await withTimer(async (poll) => {
      // What else starts on this host is news, too
      await expect.poll(poll, { timeout: 30_000, interval: 600 }).toBe("asked");
      await kill(join(folder, "hello"));
      expect(await newNumber()).toBeGreaterThan(3);
      expect(await poll()).toBe("looked");
      expect(await newNumber()).toBe(3);
    });

    await agent("undo", id);
    expect(await newNumber()).toBeGreaterThan(3);
    await agent("once", "--check-in");
    expect(await newNumber()).toBeGreaterThan(3);
    await agent("release", id);
    await agent("once", "--check-in");
    expect(await newNumber()).toBe(3);

    await suture("withdraw", id, "--reason", "It is enough");
    await live("withdrawn");
    // A plan may have been made in the moment before the service heard of it; the next one was not
    await withTimer(async (poll) => {
      const polled = async () => {
        await poll();
        return await newNumber();
      };
      await expect.poll(polled, { timeout: 30_000, interval: 600 }).toBeGreaterThan(3);
    });
    const { machines } = await suture("machines", "--customer", "initech");
    expect(machines).toMatchObject([{ patches: [{ patch: id, state: "undone" }] }]);
  }, 180_000);

  /** Has an agent stay while something is done; it has settled by then. */
  async function withRunningAgent(work: () => Promise<void>): Promise<void> {
    const state = ["--state", join(folder, "state")];
    const child = spawn(process.execPath, [join(root, "agent/main.ts"), "run", "--json", ...state], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        if (/"event":"(plan|nothing-new)"/.test(line)) break;
      }
      child.stdout.resume();
      await work();
    } finally {
      child.kill("SIGTERM");
      await exited;
    }
  }

  /** Polls as the timer of a packaged release does. A poll says whether it only asked the service, or looked at the host as well. */
  async function withTimer(work: (poll: () => Promise<"asked" | "looked">) => Promise<void>): Promise<void> {
    const release = join(folder, "release");
    await makeRelease(release, "1.0.0");
    const state = join(folder, "state");
    const madeAt = async () => (await stat(join(state, "poll.json")).catch(() => undefined))?.birthtimeMs;
    await work(async () => {
      const before = await madeAt();
      await run(join(release, "bin/suture-agent"), ["poll", "--state", state]);
      return before !== undefined && (await madeAt()) === before ? "asked" : "looked";
    });
    await rm(release, { recursive: true });
  }

  /** Ends the process of a program, and returns once it is another's. */
  async function kill(program: string): Promise<void> {
    for (const pid of listProcesses()) {
      if (ifReadable(() => readlinkSync(`/proc/${pid}/exe`)) === program) process.kill(pid, "SIGKILL");
    }
    expect(await newNumber()).toBeGreaterThan(0);
  }

  /** Until the publish job has said so. */
  async function live(state: string): Promise<void> {
    for (;;) {
      if ((await stack.stores.patches.get(id))?.state === state) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
});
