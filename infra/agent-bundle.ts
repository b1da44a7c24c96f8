import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { build as esbuild } from "esbuild";
import { zodAsNamespace } from "./zod-as-namespace.ts";

const root = join(import.meta.dirname, "..");
/** The agent's one native part stays as its package brings it. */
const native = "koffi";

/**
 * Bundles programs of the agent into a folder, each as one file NAME.cjs, with the native part under node_modules beside them.
 * CommonJS, because an ES module that imports a name of `node:http` makes Node load all that it has to offer, fetch and WebSocket
 * among it: 14 MiB (docs/adr/0041-footprint-of-the-agent.md).
 *
 * @param programs name → source file, from the repository's root
 * @param platform of the native part, as its package names it
 */
export async function bundleAgent(
  outdir: string,
  programs: Readonly<Record<string, string>> = { agent: "agent/main.ts" },
  platform = "linux-x64",
): Promise<void> {
  await esbuild({
    entryPoints: Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, join(root, file)])),
    outdir,
    outExtension: { ".js": ".cjs" },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    mainFields: ["module", "main"],
    legalComments: "none",
    external: [native],
    plugins: [zodAsNamespace],
    logLevel: "error",
  });
  for (const part of [native, `@koromix/${native}-${platform}`]) {
    const target = join(outdir, "node_modules", part);
    await mkdir(target, { recursive: true });
    await cp(join(root, "node_modules", part), target, { recursive: true });
  }
}
