import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { spawnBound } from "../../../infra/local/bound-process.ts";
import { peerCache } from "../peers.ts";

const run = promisify(execFile);

const wanted = ["libstdc++6", "openssl", "curl", "ca-certificates", "systemd"];

/** A fresh Debian with what the install script wants of a host, and systemd's files, which nothing runs. */
export const debian = debianWith("debian-root.tar", wanted);
/** The same, where somebody administers hosts. */
export const workbench = debianWith("debian-workbench.tar", [
  ...wanted,
  "ansible-core",
  "ansible-lint",
  "yamllint",
  "shellcheck",
  "cloud-init",
]);

function debianWith(name: string, packages: readonly string[]) {
  const made = join(peerCache, name);
  return {
    needs: ["mmdebstrap", "unshare", "chroot", "dpkg-deb", "rpmbuild", "rpm", "cc"],
    made,
    async make(): Promise<void> {
      await mkdir(peerCache, { recursive: true });
      // a mirror that lags behind is signed all the same
      const late = '--aptopt=Acquire::Check-Valid-Until "false"';
      // what was cut off is not taken for a root the next time
      const begun = `${made}.new`;
      const include = `--include=${packages.join(",")}`;
      await run("mmdebstrap", ["--variant=minbase", "--format=tar", include, late, "stable", begun]);
      await rename(begun, made);
    },
  };
}

/** What is no one package's: dpkg's and apt's own records, and caches that any installation brings up to date. */
const notOurs =
  /^\.\/(?:var\/(?:lib\/(?:dpkg|apt|systemd)|log|cache)|proc|sys|dev|tmp|root|packages|etc\/ld\.so\.cache)(?:\/|$)/;

/** A machine's root folder, with this kernel, its processes and its network. */
export type DebianRoot = {
  folder: string;
  /** Runs a command in it. Throws where it fails, with what it printed. */
  must: (...command: readonly string[]) => Promise<string>;
  /** Starts a command in it that stays. */
  start: (...command: readonly string[]) => ReturnType<typeof spawnBound>;
  /** Every file and folder that a package may have brought. */
  files: () => Promise<string[]>;
  remove: () => Promise<void>;
};

/** The mounts go with the process that made them, so that nothing is left whatever ends it. */
const enter = 'for each in proc sys dev; do mount --rbind /$each "$0/$each"; done; exec chroot "$0" "$@"';

/** Unpacks a fresh root. */
export async function makeDebianRoot({ made } = debian): Promise<DebianRoot> {
  const folder = await mkdtemp(join(tmpdir(), "suture-root-"));
  await run("tar", ["-xf", made, "-C", folder]);
  const within = (command: readonly string[]) => ["--mount", "--", "sh", "-ec", enter, folder, ...command];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C.UTF-8" };
  return {
    folder,
    async must(...command) {
      const { stdout, stderr } = await run("unshare", within(command), { env, maxBuffer: 16 * 1024 * 1024 }).catch(
        (cause: Error & { stdout: string; stderr: string }) => {
          throw new Error(`${command.join(" ")}: ${cause.stdout}${cause.stderr}`, { cause });
        },
      );
      return stdout + stderr;
    },
    start: (...command) => spawnBound("unshare", within(command), { output: "pipe", env }),
    async files() {
      const { stdout } = await run("find", [".", "-printf", "%p %y %l\\n"], {
        cwd: folder,
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout
        .split("\n")
        .filter((line) => line !== "" && !notOurs.test(line.split(" ")[0] ?? ""))
        .sort();
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
