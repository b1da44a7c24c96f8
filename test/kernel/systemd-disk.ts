import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { librariesOf, type Packages, run } from "./packages.ts";

const wanted = "systemd-sysv util-linux mount bash dash coreutils grep base-passwd base-files kmod".split(" ");
const units = join(import.meta.dirname, "../../agent/units");

const ofHost: Readonly<Record<string, string>> = {
  "etc/fstab": [
    "share /share 9p trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 0 0",
    "state /state 9p trans=virtio,version=9p2000.L,rw,cache=none,msize=262144 0 0",
    "/state/agent /var/lib/suture none bind 0 0",
    "",
  ].join("\n"),
  "etc/hostname": "guest\n",
  // Without one systemd takes it for a first boot and asks
  "etc/machine-id": `${"5e".repeat(16)}\n`,
  "usr/bin/suture-agent": '#!/bin/sh\nexec /share/node /share/agent.cjs "$@"\n',
  "etc/systemd/system/commands.service": [
    "[Unit]",
    "Description=What the test says",
    "After=multi-user.target",
    "[Service]",
    "ExecStart=/bin/sh /etc/commands.sh",
    "[Install]",
    "WantedBy=default.target",
    "",
  ].join("\n"),
};

/**
 * Makes a disk with Debian's systemd and little else, unpacked and not configured, on which our units are installed and enabled.
 * Their state directory is the guest's state folder.
 * @returns the image's path; it is the guest's to write to
 */
export function makeSystemdDisk({ cache }: Packages): string {
  const tree = join(cache, "systemd");
  if (!existsSync(join(tree, "sbin/init"))) unpack(cache, tree);
  const put = (from: string, to: string) => {
    mkdirSync(dirname(join(tree, to)), { recursive: true });
    copyFileSync(from, join(tree, to));
  };
  for (const library of librariesOf(process.execPath)) put(library, library);
  for (const name of ["passwd", "group"]) put(join(tree, `usr/share/base-passwd/${name}.master`), `etc/${name}`);
  put(join(import.meta.dirname, "commands.sh"), "etc/commands.sh");
  for (const folder of ["share", "state", "var/lib/suture", "etc/systemd/system"])
    mkdirSync(join(tree, folder), { recursive: true });
  for (const [path, text] of Object.entries(ofHost)) writeFileSync(join(tree, path), text);
  chmodSync(join(tree, "usr/bin/suture-agent"), 0o755);
  for (const unit of readdirSync(units)) put(join(units, unit), `etc/systemd/system/${unit}`);
  enable(tree, "sysinit.target", "suture-agent-boot.service");
  enable(tree, "multi-user.target", "suture-agent.service");
  enable(tree, "multi-user.target", "commands.service");
  rmSync(join(tree, "etc/systemd/system/default.target"), { force: true });
  symlinkSync("/lib/systemd/system/multi-user.target", join(tree, "etc/systemd/system/default.target"));
  const disk = join(cache, "systemd.img");
  rmSync(disk, { force: true });
  run("mke2fs", ["-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-d", tree, disk, "400M"], cache);
  return disk;
}

/** What systemctl enable does. */
function enable(tree: string, target: string, unit: string): void {
  const folder = join(tree, `etc/systemd/system/${target}.wants`);
  mkdirSync(folder, { recursive: true });
  rmSync(join(folder, unit), { force: true });
  symlinkSync(`/etc/systemd/system/${unit}`, join(folder, unit));
}

function unpack(cache: string, tree: string): void {
  const without = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"].map(
    (kind) => `--no-${kind}`,
  );
  const names = run("apt-cache", ["depends", "--recurse", ...without, ...wanted], cache)
    .split("\n")
    .filter((line) => /^\w/.test(line));
  const debs = join(cache, "systemd-debs");
  rmSync(debs, { recursive: true, force: true });
  mkdirSync(debs, { recursive: true });
  run("apt-get", ["download", ...new Set(names)], debs);
  mkdirSync(tree, { recursive: true });
  for (const deb of readdirSync(debs)) run("dpkg", ["-x", join(debs, deb), tree], debs);
  rmSync(debs, { recursive: true });
}
