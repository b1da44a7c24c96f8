import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { bundleAgent } from "../../infra/agent-bundle.ts";
import { librariesOf, type Packages, run } from "./packages.ts";

const drivers = ["virtio_pci", "virtio_net", "virtio_blk", "9pnet_virtio", "9p", "ext4", "crc32c_generic"];

/** A kernel and its first root file system: busybox, kmod, a few drivers, and the libraries that Node loads. */
export type Image = { kernel: string; initramfs: string };

/** Makes the image of a kernel, once for each state of init. */
export function makeImage({ root, cache }: Packages, kernel: string): Image {
  const initramfs = join(cache, `initramfs-${kernel}.gz`);
  const image = { kernel: join(root, "boot", `vmlinuz-${kernel}`), initramfs };
  const scripts = ["init", "commands"].map((name) => join(import.meta.dirname, `${name}.sh`)) as [string, string];
  const newest = Math.max(...scripts.map((script) => statSync(script).mtimeMs));
  if (existsSync(initramfs) && statSync(initramfs).mtimeMs > newest) return image;

  const tree = join(cache, `initramfs-${kernel}`);
  rmSync(tree, { recursive: true, force: true });
  const put = (from: string, to: string) => {
    mkdirSync(dirname(join(tree, to)), { recursive: true });
    copyFileSync(from, join(tree, to));
  };
  put(join(root, "bin/busybox"), "bin/busybox");
  put(join(root, "bin/kmod"), "usr/bin/kmod");
  mkdirSync(join(tree, "usr/sbin"), { recursive: true });
  for (const name of ["insmod", "rmmod", "modprobe", "lsmod", "modinfo"])
    symlinkSync("/usr/bin/kmod", join(tree, "usr/sbin", name));
  for (const program of [process.execPath, join(root, "bin/kmod")])
    for (const library of librariesOf(program)) put(library, library);
  const needed = drivers.flatMap((name) =>
    run(join(root, "sbin/modprobe"), ["-d", root, "-S", kernel, "--show-depends", name], root)
      .split("\n")
      .flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []),
  );
  for (const module of needed) put(module, relative(root, module));
  for (const name of ["modules.dep", "modules.alias", "modules.symbols", "modules.builtin", "modules.order"])
    put(join(root, "lib/modules", kernel, name), `lib/modules/${kernel}/${name}`);
  put(scripts[0], "init");
  put(scripts[1], "commands.sh");
  for (const name of ["init", "bin/busybox", "usr/bin/kmod"]) chmodSync(join(tree, name), 0o755);
  run("sh", ["-c", `find . | ${join(root, "bin/cpio")} --quiet -o -H newc -R 0:0 | gzip -1 > ${initramfs}`], tree);
  rmSync(tree, { recursive: true });
  return image;
}

/** The small folder that a guest may read: Node, the agent as one file, its one native part, and the modules. */
export async function makeShare({ cache }: Packages, modules: readonly string[]): Promise<string> {
  const share = join(cache, "share");
  mkdirSync(share, { recursive: true });
  const node = join(share, "node");
  if (!existsSync(node)) linkOrCopy(process.execPath, node);
  await bundleAgent(share, { agent: "agent/main.ts", engine: "test/kernel/engine-tool.ts" });
  for (const folder of modules)
    run(
      "sh",
      ["-c", `mkdir -p ${share}/${basename(folder)} && cp ${folder}/*.ko ${share}/${basename(folder)}/`],
      share,
    );
  return share;
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    writeFileSync(to, readFileSync(from), { mode: 0o755 });
  }
}
