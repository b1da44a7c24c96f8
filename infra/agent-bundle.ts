import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { build as esbuild, type Plugin } from "esbuild";
import packageJson from "../package.json" with { type: "json" };
import { zodAsNamespace } from "./zod-as-namespace.ts";

const root = join(import.meta.dirname, "..");
/** The agent's one native part stays as its package brings it. */
const native = "koffi";

/** What a release is made of: the agent, and what a timer calls. */
const releasePrograms = { agent: "agent/main.ts", poll: "agent/poll/main.ts" };

type Options = {
  /** of the native part, as its package names it */
  platform?: string;
  /** what the programs say that they are */
  version?: string;
  /** where a package is unpacked: one for another platform is not under node_modules */
  folderOf?: (name: string) => Promise<string>;
};

/**
 * Bundles programs of the agent into a folder, each as one file NAME.cjs, with the native part under node_modules beside them.
 * CommonJS, because an ES module that imports a name of `node:http` makes Node load all that it has to offer, fetch and WebSocket
 * among it: 14 MiB (docs/adr/0041-footprint-of-the-agent.md).
 *
 * @param programs name → source file, from the repository's root
 * @returns the places under node_modules of the packages that are in the folder
 */
export async function bundleAgent(
  outdir: string,
  programs: Readonly<Record<string, string>> = releasePrograms,
  { platform = "linux-x64", version = packageJson.version, folderOf = installed }: Options = {},
): Promise<string[]> {
  const { metafile } = await esbuild({
    entryPoints: Object.fromEntries(Object.entries(programs).map(([name, file]) => [name, join(root, file)])),
    outdir,
    outExtension: { ".js": ".cjs" },
    absWorkingDir: root,
    bundle: true,
    metafile: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    mainFields: ["module", "main"],
    legalComments: "none",
    external: [native],
    plugins: [zodAsNamespace, versionAs(version)],
    logLevel: "error",
  });
  const parts = nativeFiles(platform);
  for (const [name, files] of Object.entries(parts)) {
    const from = await folderOf(name);
    for (const file of files) {
      const to = join(outdir, "node_modules", name, file);
      await mkdir(dirname(to), { recursive: true });
      await cp(join(from, file), to);
    }
  }
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
  return [...new Set([...files.flatMap(placeOf), ...Object.keys(parts)])].sort();
}

async function installed(name: string): Promise<string> {
  return join(root, "node_modules", name);
}

/** What runs of the native part; most of its packages is source, and other libraries' builds. */
function nativeFiles(platform: string): Record<string, string[]> {
  return {
    [native]: ["package.json", "index.cjs", "src/koffi/index.cjs", "src/koffi/src/static.cjs"],
    [`@koromix/${native}-${platform}`]: ["package.json", "index.js", `${platform.replace("-", "_")}/koffi.node`],
  };
}

/** Of package.json the programs need the version alone, and it may be another than the checkout's. */
function versionAs(version: string): Plugin {
  return {
    name: "version",
    setup(build) {
      build.onLoad({ filter: /\/package\.json$/ }, ({ path }) => {
        if (path !== join(root, "package.json")) return undefined;
        return { contents: JSON.stringify({ version }), loader: "json" };
      });
    },
  };
}

/** Where the package of a file lies under node_modules; one within another package, too. */
function placeOf(file: string): string[] {
  return /^node_modules\/((?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/.exec(file)?.slice(1) ?? [];
}
