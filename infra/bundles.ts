import { cp, mkdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type BuildOptions, build as esbuild } from "esbuild";
import { type ConsumerName, consumerNames } from "../functions/jobs/consumers.ts";
import { zodAsNamespace } from "./zod-as-namespace.ts";

const root = join(import.meta.dirname, "..");
const require = createRequire(import.meta.url);

/** Each Lambda function and the file with its handler. */
export const functionEntries = {
  "agent-api": "functions/agent-api/handler.ts",
  "vendor-api": "functions/vendor-api/handler.ts",
  portal: "functions/portal/handler.ts",
  publish: "functions/jobs/publish-handler.ts",
  ...(Object.fromEntries(consumerNames.map((name) => [name, `functions/jobs/${name}-handler.ts`])) as Record<
    ConsumerName,
    string
  >),
  sweeps: "functions/jobs/sweeps-handler.ts",
  schedule: "functions/jobs/schedule-handler.ts",
  gates: "functions/jobs/gates-handler.ts",
} as const;
export type FunctionName = keyof typeof functionEntries;

/** What the portal serves from packages: read at run time, so bundled beside it. */
const portalPackages = [
  "@picocss/pico/css/pico.classless.min.css",
  "htmx.org/dist/htmx.min.js",
  "swagger-ui-dist/swagger-ui.css",
  "swagger-ui-dist/swagger-ui-bundle.js",
];

/**
 * Bundles one function into a folder of its own, ready to be a Lambda function's code with the handler `index.handler`.
 * @returns the folder, and the code in it
 */
export async function bundle(name: FunctionName, outdir: string): Promise<{ folder: string; code: Uint8Array }> {
  const folder = join(outdir, name);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await esbuild({ ...optionsOf(name), outfile: join(folder, "index.mjs") });
  if (name === "portal") await copyAssets(folder);
  return { folder, code: await readFile(join(folder, "index.mjs")) };
}

/** The files of this repository and of packages that a function's bundle has something of. */
export async function inputsOf(name: FunctionName): Promise<string[]> {
  const { metafile } = await esbuild({ ...optionsOf(name), outfile: "index.mjs", write: false, metafile: true });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  return inputs.flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : []));
}

function optionsOf(name: FunctionName) {
  return {
    entryPoints: [join(root, functionEntries[name])],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    platform: "node",
    target: "node24",
    format: "esm",
    mainFields: ["module", "main"],
    jsx: "automatic",
    jsxImportSource: "hono/jsx",
    legalComments: "none",
    plugins: [zodAsNamespace],
    // Some packages are still CommonJS and require Node's own modules
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  } satisfies BuildOptions;
}

/** Bundles every function. */
export async function bundleAll(outdir: string): Promise<Record<FunctionName, string>> {
  const names = Object.keys(functionEntries) as FunctionName[];
  const folders = await Promise.all(names.map(async (name) => [name, (await bundle(name, outdir)).folder] as const));
  return Object.fromEntries(folders) as Record<FunctionName, string>;
}

async function copyAssets(folder: string): Promise<void> {
  await cp(join(root, "functions/portal/assets"), join(folder, "assets"), { recursive: true });
  for (const file of portalPackages) {
    const name = file.startsWith("@") ? file.split("/", 2).join("/") : (file.split("/", 1)[0] ?? "");
    const target = join(folder, "node_modules", file);
    await mkdir(dirname(target), { recursive: true });
    await cp(require.resolve(file), target);
    await cp(packageFile(name), join(folder, "node_modules", name, "package.json"));
  }
}

/** Not every package exports its package.json. */
function packageFile(name: string): string {
  return join(root, "node_modules", name, "package.json");
}
