import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { runRound } from "../../../agent/round/round.ts";
import { type Http, nodeHttp } from "../../../agent/system/http.ts";
import { startStack } from "../../../infra/local/stack.ts";
import { buildId, enrolHost, type TestHost } from "../agent/host.ts";
import { runRecorded } from "../suture.ts";
import { serveStatic } from "./static-files.ts";

export type WholeService = Awaited<ReturnType<typeof startWholeService>>;

/** The whole embedded service on a real port, `suture` with a home of its own, one vendor, and hosts with real agents. */
export async function startWholeService() {
  const directory = await mkdtemp(join(tmpdir(), "suture-whole-"));
  const home = join(directory, "home");
  await mkdir(home);
  const dataDir = join(directory, "service");
  const start = (port: number) => startStack({ dataDir, port, pollSeconds: 60, log: () => {} });
  const stack = await start(0);
  const port = Number(new URL(stack.url).port);
  let running: { stop(): Promise<void> } = stack;
  let hosts = 0;

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = { SUTURE_TOKEN: stack.token }) =>
    runRecorded(args, { env: { SUTURE_SERVICE: stack.url, ...env }, home, watched: false });

  /** Runs `suture` with --json; the one object that it printed. Throws where it failed. */
  async function suture(args: readonly string[], env?: Readonly<Record<string, string>>) {
    const { code, out } = await run([...args, "--json"], env);
    const answer = JSON.parse(out);
    if (code !== 0) throw new Error(`suture ${args.join(" ")}: ${out}`);
    return answer;
  }

  const ownVariants = [
    { engine: "elf", payload: "fix.so", match: { buildId }, functions: [{ name: "echo", replacement: "exit" }] },
  ];

  /** Publishes a patch of acme's echod, by default for the build that every test host runs, and waits until it is live. @returns its id */
  async function publish(
    patch: string,
    { version = 1, payload = "/bin/true", variants = ownVariants as readonly object[] } = {},
  ): Promise<string> {
    const folder = await mkdtemp(join(home, "patch-"));
    await copyFile(payload, join(folder, "fix.so"));
    const health = { windowSeconds: 0 };
    const source = { product: "echod", patch, version, title: patch, severity: "high", health, variants };
    await writeFile(join(folder, "patch.json"), JSON.stringify(source));
    await suture(["publish", folder, "--vendor", "acme"], {});
    const id = `acme/echod/edge/${patch}@${version}`;
    const isLive = async () => {
      const { patches } = await suture(["list", "--vendor", "acme"], {});
      return patches.some((each: { id: string }) => each.id === id);
    };
    for (const deadline = Date.now() + 50_000; !(await isLive()); ) {
      if (Date.now() > deadline) throw new Error(`${id} did not become live`);
      await sleep(100);
    }
    return id;
  }

  /** Enrols a host of globex, in a folder of its own. */
  async function newHost(http: Http = nodeHttp): Promise<TestHost> {
    const { token } = await suture(["token", "create", "--customer", "globex"]);
    const place = join(directory, `host-${++hosts}`);
    await mkdir(place);
    return await enrolHost(stack.url, token, { directory: place, hostname: `host-${hosts}`, http });
  }

  await suture(["vendor", "init", "acme", "--product", "echod"]);
  await suture(["customer", "create", "globex"]);
  await suture(["customer", "subscribe", "globex", "acme/echod/edge"]);
  return {
    stack,
    directory,
    home,
    run,
    suture,
    publish,
    newHost,
    /** Stops every function. What is static stays: the repositories, and the bundles behind the links that were given out. */
    async stopFunctions() {
      await running.stop();
      const blobs = join(dataDir, "blobs");
      running = await serveStatic(port, { "/tuf/": join(blobs, "tuf"), "/blobs/bundles/": join(blobs, "bundles") });
    },
    async startFunctions() {
      await running.stop();
      running = await start(port);
    },
    async stop() {
      await running.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** Lets a host poll, as often as it takes, until `what` holds. */
export async function pollUntil({ agent }: TestHost, what: () => boolean): Promise<void> {
  const deadline = Date.now() + 50_000;
  while (!what()) {
    if (Date.now() > deadline) throw new Error("It did not come to that");
    await runRound(agent, { force: false });
    await sleep(100);
  }
}
