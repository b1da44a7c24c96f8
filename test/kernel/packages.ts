import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join, resolve } from "node:path";

const cache = resolve(import.meta.dirname, "../../.cache/kernel");
/** What a guest is made of, beside the kernels. Debian 12's names. */
const tools = ["linux-kbuild-6.1", "linux-compiler-gcc-12-x86", "busybox-static", "kmod", "libkmod2", "cpio"];

/** What has to be installed on this machine, and the packages that bring it. */
const programs = [
  ["qemu-system-x86_64", "qemu-system-x86 ovmf"],
  ["make", "make"],
  ["gcc", "gcc"],
] as const;

/** Debian packages, unpacked into a folder of their own: nothing of them is installed on this machine. */
export type Packages = {
  root: string;
  cache: string;
  /** Debian's kernels as uname -r prints them, the newest first; two of them */
  kernels: readonly string[];
  /** UEFI firmware with Secure Boot; undefined where the package is not installed */
  ovmf: { code: string; vars: string } | undefined;
};

/**
 * Finds or fetches what a guest is made of.
 * @throws Error that names what is missing and how to get it, where the packages cannot be had
 */
export function findPackages(): Packages {
  for (const [program, names] of programs) {
    if (!isThere(program)) throw new Error(`${program} is missing: apt-get install --no-install-recommends ${names}`);
  }
  const root = join(cache, "root");
  const stamp = join(cache, "kernels.json");
  if (!existsSync(stamp)) fetchPackages(root, stamp);
  const kernels: string[] = JSON.parse(readFileSync(stamp, "utf8"));
  const firmware = { code: "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", vars: "/usr/share/OVMF/OVMF_VARS_4M.fd" };
  return { root, cache, kernels, ovmf: existsSync(firmware.code) ? firmware : undefined };
}

function isThere(program: string): boolean {
  return spawnSync(program, ["--version"]).error === undefined;
}

function fetchPackages(root: string, stamp: string): void {
  const debs = join(cache, "debs");
  mkdirSync(debs, { recursive: true });
  mkdirSync(root, { recursive: true });
  const kernels = newestKernels() ?? refreshed() ?? [];
  if (kernels.length < 2) throw new Error("No linux-headers-6.1.0-*-amd64 can be had: this wants Debian 12's packages");
  const ofKernel = kernels.flatMap((kernel) => [
    `linux-image-${kernel}`,
    `linux-headers-${kernel}`,
    `linux-headers-${kernel.replace(/-amd64$/, "-common")}`,
  ]);
  run("apt-get", ["download", ...ofKernel, ...tools], debs);
  for (const deb of readdirSync(debs)) run("dpkg", ["-x", join(debs, deb), root], debs);
  // The package's links are absolute
  for (const name of ["depmod", "modprobe"]) {
    rmSync(join(root, "sbin", name), { force: true });
    symlinkSync("../bin/kmod", join(root, "sbin", name));
  }
  for (const kernel of kernels) {
    relocateHeaders(root, kernel);
    run(join(root, "sbin/depmod"), ["-b", root, kernel], root);
  }
  writeFileSync(stamp, JSON.stringify(kernels));
}

/** Debian 12's own kernels, not those of backports: the two newest that can be downloaded. */
function newestKernels(): string[] | undefined {
  const found = run("apt-cache", ["search", "--names-only", "^linux-headers-6[.]1[.]0-[0-9]+-amd64$"], cache)
    .split("\n")
    .flatMap((line) => /^linux-headers-(\S+)/.exec(line)?.[1] ?? []);
  const number = (kernel: string) => Number(/-(\d+)-/.exec(kernel)?.[1]);
  const newest = found.toSorted((one, other) => number(other) - number(one)).slice(0, 2);
  return newest.length < 2 ? undefined : newest;
}

/** Likewise once the package lists are renewed, where we may. */
function refreshed(): string[] | undefined {
  if (process.getuid?.() !== 0) return undefined;
  run("apt-get", ["update"], cache);
  return newestKernels();
}

/** The headers' Makefile and a link name /usr/src and /usr/lib, where these are not. */
function relocateHeaders(root: string, kernel: string): void {
  const headers = join(root, "usr/src", `linux-headers-${kernel}`);
  const makefile = join(headers, "Makefile");
  writeFileSync(makefile, readFileSync(makefile, "utf8").replaceAll(" /usr/src/", ` ${root}/usr/src/`));
  const common = kernel.replace(/-amd64$/, "-common");
  for (const folder of [headers, join(root, "usr/src", `linux-headers-${common}`)]) {
    for (const name of ["scripts", "tools"]) {
      const link = join(folder, name);
      const target = readLink(link);
      if (target?.startsWith("/") !== true) continue;
      unlinkSync(link);
      symlinkSync(join(root, target), link);
    }
  }
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** Runs a command to its end. Throws with its words. */
export function run(command: string, args: readonly string[], cwd: string, env: Record<string, string> = {}): string {
  const result = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    env: { ...process.env, ...env },
    maxBuffer: 64 << 20,
  });
  if (result.status === 0) return result.stdout;
  const words = result.error?.message ?? `${result.stdout}${result.stderr}`.slice(-2000);
  throw new Error(`${command} ${args[0] ?? ""} failed: ${words}`);
}

/** The libraries that a program loads, as paths on this machine. */
export function librariesOf(program: string): string[] {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  return [...listed.matchAll(/(?:=> )?(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
}
