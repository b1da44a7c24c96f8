import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Packages, run } from "./packages.ts";

/** Each test module and what its one source is compiled with (modules/livepatch.c). */
const livepatches = {
  /** cumulative; the second contains the first */
  suture_fix1: { CUMULATIVE: "1", PATCHES_CMDLINE: '"fixed 1"' },
  suture_fix2: { CUMULATIVE: "1", PATCHES_CMDLINE: '"fixed 2"' },
  /** stack; on an object that may not be loaded yet */
  suture_value2: { PATCHES_VALUE: "2" },
  suture_value3: { PATCHES_VALUE: "3" },
  /** stalls while a task sleeps in target_wait() */
  suture_wait: { PATCHES_WAIT: "1" },
  suture_both: { PATCHES_VALUE: "2", PATCHES_WAIT: "1" },
  suture_oops: { PATCHES_VALUE: "2", OOPSES: "1" },
  suture_panic: { PANICS: "1", PATCHES_CMDLINE: '"never"' },
  suture_later: { PANICS: "2", PATCHES_VALUE: "2" },
  /** somebody else's */
  kpatch_other: { PATCHES_CMDLINE: '"patched by another"' },
} as const;
/** Each of a source of its own: what is patched, and a livepatch as kpatch lays it out. */
const others = ["suture_target", "kpatch_shape"] as const;
/** What is published; the last is what the test has kpatch-build build. */
export type Livepatch = keyof typeof livepatches | "kpatch_shape" | "kpatch_built";

const sources = join(import.meta.dirname, "modules");

/** Builds the test modules for a kernel, once; answers with the folder that holds them. */
export function buildModules({ root, cache }: Packages, kernel: string): string {
  const folder = join(cache, "modules", kernel);
  const all = [...others, ...Object.keys(livepatches)];
  const newest = Math.max(...["livepatch", ...others].map((name) => statSync(join(sources, `${name}.c`)).mtimeMs));
  const built = join(folder, "Kbuild");
  const wanted = kbuild(all);
  if (existsSync(built) && readFileSync(built, "utf8") === wanted && statSync(built).mtimeMs > newest) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of others) copyFileSync(join(sources, `${name}.c`), join(folder, `${name}.c`));
  for (const name of Object.keys(livepatches)) copyFileSync(join(sources, "livepatch.c"), join(folder, `${name}.c`));
  writeFileSync(built, wanted);
  run("make", ["-C", join(root, "usr/src", `linux-headers-${kernel}`), `M=${folder}`, "modules"], folder);
  for (const name of all) run("strip", ["-g", `${name}.ko`], folder);
  writeFileSync(built, wanted);
  return folder;
}

function kbuild(all: readonly string[]): string {
  const flags = Object.entries(livepatches).map(([name, defines]) => {
    const options = Object.entries(defines).map(
      ([key, value]) => `-D${key}=${value.includes('"') ? `'${value.replaceAll("\\", "")}'` : value}`,
    );
    return `CFLAGS_${name}.o := ${options.join(" ")}`;
  });
  return `obj-m := ${all.map((name) => `${name}.o`).join(" ")}\n${flags.join("\n")}\n`;
}
