import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProgram } from "../../infra/local/demo/programs.ts";
import { startStack } from "../../infra/local/stack.ts";
import type { Livepatch } from "./modules.ts";

export type PublishOptions = {
  /** the folder with the modules */
  modules: string;
  module: Livepatch;
  patch: string;
  version?: number;
  windowSeconds?: number;
  stallSeconds?: number;
  /** more of patch.json */
  more?: Record<string, unknown>;
};

/** The service on this machine's loopback, with a vendor whose product is a kernel, and a customer that takes it. */
export type KernelService = Awaited<ReturnType<typeof startService>>;

const stream = "acme/linux/stable";

export async function startService() {
  const directory = mkdtempSync(join(tmpdir(), "suture-kernel-"));
  const keys = join(directory, "keys");
  const stack = await startStack({ dataDir: join(directory, "data"), port: 0, pollSeconds: 60, log: () => undefined });
  const operator = { SUTURE_SERVICE: stack.url, SUTURE_TOKEN: stack.token };
  const vendor = { SUTURE_SERVICE: stack.url, SUTURE_TOKEN: "" };
  const suture = (args: readonly string[], env: Record<string, string> = operator) =>
    runProgram("cli/main.ts", [...args, "--json"], env);
  await suture(["vendor", "init", "acme", "--title", "Acme", "--product", "linux", "--keys", keys]);
  await suture(["customer", "create", "globex", "--title", "Globex"]);
  await suture(["customer", "subscribe", "globex", stream, "--seats", "100"]);

  return {
    port: Number(new URL(stack.url).port),
    url: stack.url,
    stores: stack.stores,
    /** one that a single host can use */
    async enrolmentToken(): Promise<string> {
      return String((await suture(["token", "create", "--customer", "globex", "--uses", "1"])).token);
    },
    /** Publishes a module as it was built; answers with the patch's id. */
    async publish({
      modules,
      module,
      patch,
      version = 1,
      windowSeconds = 1,
      stallSeconds = 10,
      more = {},
    }: PublishOptions): Promise<string> {
      const folder = join(directory, `${patch}-${version}`);
      mkdirSync(folder, { recursive: true });
      copyFileSync(join(modules, `${module}.ko`), join(folder, `${module}.ko`));
      const health = { windowSeconds };
      const variants = [{ engine: "klp", payload: `${module}.ko`, stallSeconds }];
      const source = {
        product: "linux",
        patch,
        version,
        title: `Test ${patch}`,
        severity: "high",
        health,
        variants,
        ...more,
      };
      writeFileSync(join(folder, "patch.json"), JSON.stringify(source));
      const alone = ["--override", "A guest alone is no evidence"];
      await suture(["publish", folder, "--vendor", "acme", "--channel", "stable", "--keys", keys, ...alone], vendor);
      return `${stream}/${patch}@${version}`;
    },
    async withdraw(patch: string): Promise<void> {
      await suture(["withdraw", patch, "--reason", "test", "--no-replacement", "--keys", keys], vendor);
    },
    /** what the service knows of a patch on a machine */
    async stateOf(machine: string, patch: string): Promise<{ state: string; detail: string } | undefined> {
      const { items } = await stack.stores.states.listByMachine(machine, { limit: 100 });
      return items.find(({ patchId }) => patchId === patch);
    },
    async stop(): Promise<void> {
      await stack.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
