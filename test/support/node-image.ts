import { execFile } from "node:child_process";
import { cp, mkdir, realpath, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { peerCache } from "./peers.ts";

const run = promisify(execFile);
/** What infra/server/Containerfile stands on. */
const base = "docker.io/library/node:24-slim";
/** The authorities that this machine trusts, behind whose proxy the image may be built. */
const authorities = "/etc/ssl/certs/ca-certificates.crt";

/** The base of the service's image: the one that the registry has, or, where none answers, Debian with this Node and npm. */
export const nodeImage = {
  needs: ["buildah", "debootstrap", "npm"],
  made: join(peerCache, "node-image.tar"),
  make: makeStandIn,
  /** Puts the base where `buildah` finds it. */
  async load(): Promise<"registry" | "stand-in"> {
    try {
      await run("buildah", ["pull", "--quiet", base], { timeout: 60_000 });
      return "registry";
    } catch {
      await importStandIn();
      return "stand-in";
    }
  },
};

async function makeStandIn(): Promise<void> {
  const root = join(peerCache, "node-image");
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  await run("debootstrap", ["--variant=minbase", "--include=ca-certificates", "stable", root]);
  await cp(process.execPath, join(root, "usr/local/bin/node"));
  const modules = join(root, "usr/local/lib/node_modules");
  const program = await realpath((await run("/bin/sh", ["-c", "command -v npm"])).stdout.trim());
  await cp(join(program, "../.."), join(modules, "npm"), { recursive: true, verbatimSymlinks: true });
  await symlink("../lib/node_modules/npm/bin/npm-cli.js", join(root, "usr/local/bin/npm"));
  await cp(authorities, join(root, authorities));
  await run("chroot", [root, "useradd", "--create-home", "--uid", "1000", "node"]);
  await run("tar", ["-C", root, "-cf", nodeImage.made, "."]);
  await rm(root, { recursive: true });
}

async function importStandIn(): Promise<void> {
  const container = (await run("buildah", ["from", "scratch"])).stdout.trim();
  await run("buildah", ["add", container, nodeImage.made, "/"]);
  await run("buildah", ["config", "--env", `NODE_EXTRA_CA_CERTS=${authorities}`, container]);
  await run("buildah", ["commit", "--rm", container, base]);
}
