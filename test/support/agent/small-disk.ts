import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Whether this user may mount file systems. */
export const mayMount = process.platform === "linux" && process.getuid?.() === 0 && canMount();

/** A file system in memory of its own, real to every call, that a test fills to the page. */
export function smallDisk(folder: string, type: "tmpfs" | "ramfs" = "tmpfs") {
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", ["-t", type, "-o", "size=1m", "none", folder]);
  const filler = join(folder, "filler");
  return {
    /** Leaves so many pages for whoever writes next. */
    fill(pages: number): void {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(filler, Buffer.alloc((bavail - pages) * bsize));
    },
    empty: () => rmSync(filler, { force: true }),
    unmount: () => execFileSync("umount", [folder]),
  };
}

function canMount(): boolean {
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "none", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
